package devstart

import "syscall"

// folderVariables name the folder for temporary files.
var folderVariables = []string{"TMP", "TEMP"}

// detachedProcess is DETACHED_PROCESS of CreateProcess: no console, not even ours.
const detachedProcess = 0x00000008

// ownSession takes the process off our console: neither Ctrl-C nor closing it reaches it.
func ownSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: detachedProcess | syscall.CREATE_NEW_PROCESS_GROUP, HideWindow: true}
}
