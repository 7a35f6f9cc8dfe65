/** Element types, shapes and typed views of native memory. Knows nothing of what the numbers mean. */
package io.lanewise.tensor;
