/** One compute pool for the whole process, and teams that run the stages of a forward pass on it. */
package io.lanewise.parallel;
