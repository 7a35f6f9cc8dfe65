/** A tape over off-heap FP32 tensors: records operations, then runs their gradient rules backwards. */
package io.lanewise.autograd;
