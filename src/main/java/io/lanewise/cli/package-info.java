/** The command line: one small class a command, which parses its arguments and calls the rooms below. */
package io.lanewise.cli;
