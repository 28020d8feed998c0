// Package procwatch tells the processes of this machine apart, and tells when one of them
// has ended. It knows nothing of what runs in them.
//
// A pid alone names no process: the system gives the number away again. So a process is
// named by its pid, the moment at which it started, the boot of the machine, and the
// namespace in which the pid is one ([Identity]). Such a name can be written down: whoever
// reads it after a restart, of the program or of the machine, can still tell whether the
// process that was meant lives.
//
// On Linux the kernel tells of the end, through a descriptor for each process (pidfd, Linux
// 5.3) and one goroutine for all. Where there is none, because the system, a filter of
// system calls or the limit of open files does not give it, the process is looked at every
// [Every]. An end is believed only of a process that is gone, or has only its exit status
// left, or whose pid has another one: one that cannot be seen has not ended.
package procwatch
