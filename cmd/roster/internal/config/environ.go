package config

import (
	"regexp"
	"strings"
)

// envPrefix begins the name of every variable of Roster's own.
const envPrefix = "ROSTER_"

// notKeys are variables with the prefix that other parts of Roster read: the command
// line and the SDKs.
var notKeys = map[string]bool{
	"ROSTER_ADDRESS": true, "ROSTER_CA": true, "ROSTER_CERT": true, "ROSTER_KEY": true,
	"ROSTER_TOKEN": true, "ROSTER_OUTPUT": true, "ROSTER_BIN": true, "ROSTER_NO_START": true,
}

// serviceLink is what Kubernetes sets in every pod beside a Service whose name is roster
// or begins so. None of them could be a key.
var serviceLink = regexp.MustCompile(`^ROSTER_(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// environment is a list of NAME=value as a map. An empty variable counts as not set:
// compose files and shells make them for what is absent.
func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, e := range environ {
		if name, value, ok := strings.Cut(e, "="); ok && value != "" {
			env[name] = value
		}
	}
	return env
}

// fromEnvironment reads the variables of Roster's own. A name that looks like that of a
// key but is none is a problem; any other unknown name is a warning.
func fromEnvironment(env map[string]string) (got settings, warnings []string, problems problemList) {
	got = settings{}
	known := map[string]bool{}
	var names []string
	for i := range keys {
		k := &keys[i]
		name := k.Env()
		if name == "" {
			continue
		}
		known[name] = true
		names = append(names, name)
		s, set := env[name]
		if !set {
			continue
		}
		at := Source{Layer: FromEnvironment, Name: name}
		v, err := k.Kind.parse(s)
		if err != nil {
			problems.add(at, k.Name, "%s is wrong: %v", quoteValue(k, s), err)
			continue
		}
		got[k.Name] = setting{value: v, source: at}
	}
	for _, name := range sortedNames(env) {
		switch {
		case !strings.HasPrefix(name, envPrefix), known[name], notKeys[name], serviceLink.MatchString(name):
		case likeKey(name, names):
			problems.add(Source{Layer: FromEnvironment, Name: name}, "", "%s", unknownVariable(name, names))
		default:
			warnings = append(warnings, "the environment variable "+name+" is no key of the configuration and has no effect")
		}
	}
	return got, warnings, problems
}

func unknownVariable(name string, names []string) string {
	for i := range keys {
		if k := &keys[i]; k.Kind == KindRules && name == envPrefix+strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_")) {
			return k.Name + " can be set in the file only"
		}
	}
	return "no such key; the nearest known variable is " + nearest(name, names)
}

// likeKey tells whether a name must have been meant for a key: it begins like those of a
// section, or differs from a known one by a slip.
func likeKey(name string, names []string) bool {
	for _, top := range below("") {
		if section(top) && strings.HasPrefix(name, envPrefix+strings.ToUpper(top)+"_") {
			return true
		}
	}
	near := nearest(name, names)
	return distance(name, near) <= max(1, (len(near)-len(envPrefix))/3)
}
