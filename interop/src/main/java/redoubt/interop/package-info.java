/**
 * What it takes to run software that nobody here wrote, and to run Redoubt beside it: the peers, a Linux kernel of its
 * own under QEMU, the command line as a child process, and arrays that Linux made.
 */
@NullMarked
package redoubt.interop;

import org.jspecify.annotations.NullMarked;
