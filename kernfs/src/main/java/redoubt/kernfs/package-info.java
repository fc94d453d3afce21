/** Named values in a tree that can be shown, stored and watched, and removed while somebody has them open. */
package redoubt.kernfs;
