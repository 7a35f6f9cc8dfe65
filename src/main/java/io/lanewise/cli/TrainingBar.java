package io.lanewise.cli;

import java.time.Duration;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarConsumer;
import me.tongfei.progressbar.ProgressBarStyle;

/** The bar of a training run: updates done, time left, loss, tokens a second. */
final class TrainingBar implements AutoCloseable {
    private static final int WIDTH = 100;
    private static final int MILLIS_BETWEEN = 250;

    private final ProgressBar bar;

    TrainingBar(Console console, long stepsDone, long steps) {
        bar = new ProgressBarBuilder().setTaskName("train").setInitialMax(steps)
                .startsFrom(stepsDone, Duration.ZERO).setStyle(ProgressBarStyle.UNICODE_BLOCK)
                .setUpdateIntervalMillis(MILLIS_BETWEEN).setConsumer(new Line(console)).build();
    }

    void at(long step, double loss, double tokensPerSecond) {
        bar.setExtraMessage(Units.format(" loss %.3f, %,.0f tokens/s", loss, tokensPerSecond));
        bar.stepTo(step);
    }

    /** Takes the bar off the terminal while a line is printed; it comes back with the next step. */
    void pause() {
        bar.pause();
    }

    void resume() {
        bar.resume();
    }

    @Override
    public void close() {
        bar.close();
    }

    /** One line of the terminal. Without it the library would look for a terminal with native code. */
    private record Line(Console console) implements ProgressBarConsumer {
        @Override
        public int getMaxRenderedLength() {
            return WIDTH;
        }

        @Override
        public void accept(String rendered) {
            console.progress(rendered);
        }

        @Override
        public void close() {
            console.progress("");
        }
    }
}
