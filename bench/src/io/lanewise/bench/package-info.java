/** JMH benchmarks of the kernels, and a runner that sets them beside the roofline measured in the same run. */
package io.lanewise.bench;
