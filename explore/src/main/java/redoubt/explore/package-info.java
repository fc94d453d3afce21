/** The story of November 2023, played by the production classes under a scheduler that is told whose turn it is, and searched. */
package redoubt.explore;
