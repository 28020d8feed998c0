#!/usr/bin/env bash
# fuzz.sh AMOUNT: run every fuzz target, two at a time, for AMOUNT: a time (10s) or a number of
# inputs (2000x). Targets that take a number quickly get ten times as many.
#
# .ci/run gives a number: Go 1.26 sometimes fails a target whose time is over, with nothing but
# "context deadline exceeded" (https://go.dev/issue/75804), and a number has no such end. It also
# means the same on any machine.
set -euo pipefail
amount=$1 go=${GO:-go} tags=${TAGS:-nomsgpack}
built=$PWD/build/fuzz
mkdir -p "$built"
kept=$("$go" env GOCACHE)/fuzz # what was found interesting, for the next time
module=$("$go" list -m)

# name PACKAGE: that of its program.
name() { echo "$built/$(echo "$1" | tr / -).test"; }

# build PACKAGE: once for all of its targets.
build() { "$go" test -vet=off -ldflags=-w -tags "$tags" -c -fuzz=. -o "$(name "$1")" "$1"; }

# run PACKAGE NAME AMOUNT: prints what the program does only if it fails, and together, for
# another runs beside it.
run() {
	local out status=0 began=$SECONDS
	out=$(cd "$1" && "$(name "$1")" -test.run='^$' -test.fuzz="^$2\$" -test.fuzztime="$3" -test.parallel=1 \
		-test.fuzzminimizetime=100x -test.fuzzcachedir="$kept/$module/${1#./}" 2>&1) || status=$?
	took=$((SECONDS - began))
	if [ $status = 0 ]; then
		echo "fuzz $1 $2: $(grep -o 'execs: [0-9]*' <<<"$out" | tail -n1), $took s"
	else
		printf 'fuzz %s %s FAILED:\n%s\n' "$1" "$2" "$out"
	fi
	return $status
}

# target PACKAGE NAME
target() {
	run "$1" "$2" "$amount"
	case $amount in
	*x) [ "$took" -gt 1 ] || run "$1" "$2" "${amount%x}0x" ;;
	esac
}

case ${2:-} in
build) build "$3"; exit ;;
target) target "$3" "$4"; exit ;;
esac

# Both lists first: a target in a file that does not build is not overlooked.
packages=$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u)
targets=$(for package in $packages; do
	grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$package"/*_test.go | sed "s|func |$package |"
done)
export GO=$go TAGS=$tags
xargs -P 2 -L 1 "$0" "$amount" build <<<"$packages"
xargs -P 2 -L 1 "$0" "$amount" target <<<"$targets"
echo "fuzz: $(wc -l <<<"$targets") targets"
