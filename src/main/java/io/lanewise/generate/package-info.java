/**
 * Text from a model: {@link io.lanewise.generate.Model} is loaded once and shared by threads, a
 * {@link io.lanewise.generate.Session} is one conversation.
 */
package io.lanewise.generate;
