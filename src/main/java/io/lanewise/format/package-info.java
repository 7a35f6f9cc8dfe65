/** GGUF and safetensors files to checkpoints (metadata and named tensors) and back. Trusts no byte that it reads. */
package io.lanewise.format;
