/** The command line. */
package maque.cli;
