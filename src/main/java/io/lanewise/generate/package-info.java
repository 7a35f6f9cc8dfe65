/** From a model and its vocabulary to text. */
package io.lanewise.generate;
