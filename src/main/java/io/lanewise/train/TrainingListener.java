package io.lanewise.train;

import java.nio.file.Path;

/** Hears how a run goes on; called by the thread that trains, which waits meanwhile. */
public interface TrainingListener {
    /** Hears nothing. */
    TrainingListener NONE = new TrainingListener() { };

    /**
     * An update was done.
     *
     * @param step updates done in all
     * @param loss mean loss of the update's batch, nats a token
     * @param tokensPerSecond of this update
     */
    default void updated(long step, double loss, double learningRate, double gradientNorm, double tokensPerSecond) { }

    /** The held-out text was evaluated; {@code best} if no evaluation before was better. */
    default void evaluated(long step, LanguageLoss loss, boolean best) { }

    /** A sample was drawn: the prompt and how the model goes on. */
    default void sampled(long step, String prompt, String continuation) { }

    /** A checkpoint is whole on the disk. */
    default void saved(long step, Path folder) { }
}
