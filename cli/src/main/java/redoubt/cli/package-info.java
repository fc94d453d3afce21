/** The words a user types, what they do, and what is printed. */
package redoubt.cli;
