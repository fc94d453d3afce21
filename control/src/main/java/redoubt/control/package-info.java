/** The attribute tree over a local socket: what is said, the server, and the client. */
package redoubt.control;
