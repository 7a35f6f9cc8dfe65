/**
 * The Jinja templates that language models carry to write a conversation as they were trained on it. An interpreter of
 * its own, because a template that is read slightly differently gives a slightly wrong prompt that nobody notices: the
 * operators, whitespace rules and Python methods are those of Jinja 3 as Hugging Face's transformers sets it up
 * (trim_blocks, lstrip_blocks, loop controls, {@code raise_exception}, {@code strftime_now}). The library that one would
 * take, Jinjava 2.8.3, was tried on the published templates: it reads {@code not x is defined} as
 * {@code (not x) is defined} without a word, refuses {@code messages[::-1]}, lacks Python's methods, and brings 17 jars
 * of 9 MB. Files cannot be included,
 * and steps, depth and output are bounded, because templates come with model files from strangers.
 */
package io.lanewise.template;
