/** Training: data, loss, step, schedule, metrics, save and resume. */
package io.lanewise.train;
