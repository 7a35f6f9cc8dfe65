package io.lanewise.cli;

import io.lanewise.generate.Chat;
import io.lanewise.generate.ChatListener;
import io.lanewise.generate.ChatReply;
import io.lanewise.generate.GenerationResult;
import io.lanewise.generate.GenerationResult.StopReason;
import io.lanewise.generate.Session;
import io.lanewise.template.TemplateException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;

/** Messages in, replies out, and the commands between them, which begin with a slash. */
final class ChatLoop {
    static final List<String> COMMANDS = List.of("/help", "/system", "/reset", "/save", "/load", "/stats", "/exit");

    private static final String DIM = "\u001b[2m";
    private static final String PLAIN = "\u001b[0m";

    private final Console console;
    private final ChatInput input;
    private final Session session;
    private final Chat chat;
    private final boolean hideReasoning;
    private final boolean colour;
    private boolean stats;
    private GenerationResult last;

    ChatLoop(Console console, ChatInput input, Session session, Chat chat, boolean hideReasoning, boolean stats) {
        this.console = console;
        this.input = input;
        this.session = session;
        this.chat = chat;
        this.hideReasoning = hideReasoning;
        this.stats = stats;
        this.colour = console.outIsTerminal() && System.getenv("NO_COLOR") == null;
    }

    void run() throws IOException {
        input.onInterrupt(session::cancel);
        for (String line = input.next(); line != null && !console.interrupted(); line = input.next()) {
            if (line.isBlank()) {
                continue;
            }
            if (!line.startsWith("/")) {
                answer(line);
            } else if (!command(line.strip())) {
                return;
            }
        }
    }

    /** One message and its reply. What is wrong with a single one does not end a conversation in a terminal. */
    private void answer(String text) {
        try {
            Writer writer = new Writer();
            ChatReply reply = chat.send(text, writer);
            writer.end();
            last = reply.generation();
            if (last.stopReason() == StopReason.CONTEXT_FULL) {
                console.news("engine: the context of " + session.contextLength()
                        + " positions is full; /reset begins anew, --ctx makes it longer");
            }
            if (stats) {
                printStats();
            }
        } catch (IllegalArgumentException | TemplateException mistake) {
            if (!console.inIsTerminal()) {
                throw mistake;
            }
            console.error("engine: " + Failures.message(mistake, true));
        }
    }

    /** Whether the conversation goes on. */
    private boolean command(String line) throws IOException {
        int space = line.indexOf(' ');
        String name = space < 0 ? line : line.substring(0, space);
        String argument = space < 0 ? "" : line.substring(space).strip();
        switch (name) {
            case "/help" -> help();
            case "/reset" -> {
                chat.reset();
                session.truncate(0);
                console.news("the conversation begins anew");
            }
            case "/system" -> {
                chat.system(argument);
                console.news(argument.isEmpty() ? "no system message" : "the system message counts from the next reply on");
            }
            case "/save", "/load" -> file(name, argument);
            case "/stats" -> {
                stats = !stats;
                console.news("speeds are " + (stats ? "shown" : "not shown"));
                if (stats && last != null) {
                    printStats();
                }
            }
            case "/exit", "/quit", "/bye" -> {
                return false;
            }
            default -> console.error("engine: " + name + " is not a command; /help lists them");
        }
        return true;
    }

    private void file(String name, String argument) throws IOException {
        if (argument.isEmpty()) {
            console.error("engine: " + name + " needs a file: " + name + " chat.json");
            return;
        }
        try {
            Path file = Path.of(argument);
            if (name.equals("/save")) {
                Conversation.save(file, chat.messages());
                console.news(chat.messages().size() + " messages saved in " + file);
            } else {
                chat.restore(Conversation.load(file));
                console.news(chat.messages().size() + " messages loaded from " + file);
            }
        } catch (FileSystemException | UserMistake | InvalidPathException mistake) {
            console.error("engine: " + Failures.message(mistake, true));
        }
    }

    private void help() {
        console.println("""
                /system TEXT   how the model is to behave, from the next reply on
                /reset         forget the conversation, keep the system message
                /save FILE     write the conversation as JSON
                /load FILE     go on with a saved conversation
                /stats         show speeds after every reply, or no more
                /exit          end, as Ctrl-D does
                A line that ends in \\ goes on in the next. Ctrl-C stops a reply.""");
        console.flush();
    }

    private void printStats() {
        console.error(Units.format("%d tokens read at %.1f/s (%d more in the cache), first after %.2f s, %d written at %.1f/s,"
                        + " %d of %d positions", last.promptTokens() - last.reusedTokens(), last.prefillTokensPerSecond(),
                last.reusedTokens(), last.firstTokenNanos() / 1e9, last.tokens().length, last.decodeTokensPerSecond(),
                session.position(), session.contextLength()));
    }

    /** Prints a reply as it comes: reasoning dimmed, or left out. Blank lines around the parts are not printed. */
    private final class Writer implements ChatListener {
        private boolean dimmed;
        private boolean begun;

        @Override
        public boolean onReasoning(String piece) {
            if (!hideReasoning) {
                if (!dimmed) {
                    console.print(colour ? DIM : "<think>\n");
                    dimmed = true;
                }
                print(piece);
            }
            return true;
        }

        @Override
        public boolean onAnswer(String piece) {
            if (dimmed) {
                console.print(colour ? PLAIN + "\n" : "\n</think>\n");
                dimmed = false;
                begun = false;
            }
            print(piece);
            return true;
        }

        private void print(String piece) {
            String text = begun ? piece : piece.stripLeading();
            begun |= !text.isEmpty();
            console.print(text);
            console.flush();
        }

        void end() {
            console.println(dimmed && colour ? PLAIN : "");
            console.flush();
        }
    }
}
