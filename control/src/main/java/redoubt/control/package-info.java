/** The attribute tree over a local socket: what is said, the server, and the client; and the same client over a mount. */
package redoubt.control;
