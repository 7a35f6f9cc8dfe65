/** The blocks that transformers are made of, between the kernels and whole models. */
package io.lanewise.nn;
