/**
 * The arithmetic: matmul, attention, norms, weight formats. Kernels take segments, offsets, sizes and strides, never a
 * configuration; offsets and strides count elements unless they say bytes. The only package that imports the Vector API.
 */
package io.lanewise.kernels;
