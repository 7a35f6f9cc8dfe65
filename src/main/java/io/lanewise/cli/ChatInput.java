package io.lanewise.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.reader.impl.completer.StringsCompleter;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** Where the messages of a chat come from. */
interface ChatInput extends AutoCloseable {
    /** The next message; null at the end. */
    String next() throws IOException;

    /** What Ctrl-C does while the model writes. */
    void onInterrupt(Runnable action);

    @Override
    void close() throws IOException;

    /** Lines of stdin, a message each. */
    static ChatInput lines(Console console) {
        BufferedReader lines = new BufferedReader(new InputStreamReader(console.in(), StandardCharsets.UTF_8));
        return new ChatInput() {
            @Override
            public String next() throws IOException {
                return lines.readLine();
            }

            @Override
            public void onInterrupt(Runnable action) {
                console.onInterrupt(action);
            }

            @Override
            public void close() {
                // stdin is not ours to close.
            }
        };
    }

    /** A terminal with history and editing. A line that ends in a backslash goes on in the next. */
    static ChatInput terminal(Iterable<String> commands) throws IOException {
        Terminal terminal = TerminalBuilder.builder().system(true).jni(false).ffm(false).jansi(false).jna(false)
                .dumb(true).build();
        DefaultParser parser = new DefaultParser();
        // Quotes and brackets are text here: only a backslash at the end asks for more.
        parser.setQuoteChars(new char[0]);
        parser.setEofOnEscapedNewLine(true);
        LineReader reader = LineReaderBuilder.builder().terminal(terminal).parser(parser)
                .completer(new StringsCompleter(commands))
                .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
                .variable(LineReader.SECONDARY_PROMPT_PATTERN, "… ")
                .build();
        Path history = history();
        if (history != null) {
            reader.setVariable(LineReader.HISTORY_FILE, history);
        }
        return new ChatInput() {
            @Override
            public String next() {
                while (true) {
                    try {
                        return reader.readLine("> ").replace("\\\n", "\n");
                    } catch (UserInterruptException cleared) {
                        // Ctrl-C at the prompt takes back what was typed.
                    } catch (EndOfFileException end) {
                        return null;
                    }
                }
            }

            @Override
            public void onInterrupt(Runnable action) {
                terminal.handle(Terminal.Signal.INT, signal -> action.run());
            }

            @Override
            public void close() throws IOException {
                terminal.close();
            }
        };
    }

    /** Where programs keep such state, or null where there is no home. */
    private static Path history() throws IOException {
        String state = System.getenv("XDG_STATE_HOME");
        String home = System.getProperty("user.home");
        if (state == null && home == null) {
            return null;
        }
        Path folder = (state != null ? Path.of(state) : Path.of(home, ".local", "state")).resolve("lanewise");
        Files.createDirectories(folder);
        return folder.resolve("chat_history");
    }
}
