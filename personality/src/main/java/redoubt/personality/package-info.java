/** The levels: the arithmetic of where bytes lie (layouts) apart from the action of reading and writing them (personalities). */
package redoubt.personality;
