/** Decoder models: configuration, weights, state, and the forward pass; families are configuration. */
package io.lanewise.model;
