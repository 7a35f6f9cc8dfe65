package io.lanewise.cli;

import io.lanewise.generate.Chat;
import io.lanewise.generate.ChatTemplate;
import io.lanewise.generate.Model;
import io.lanewise.generate.SavedSession;
import io.lanewise.generate.Session;
import io.lanewise.generate.SessionOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code chat}: a conversation in the terminal, or with lines of stdin. */
@Command(name = "chat", description = {"Talks with a model.",
    "In the conversation, /help lists what else can be typed; Ctrl-C stops an answer, Ctrl-D ends."},
        footer = {"", "Examples:", "  engine chat --model model.gguf --system \"Answer in one sentence.\"",
            "  echo \"What is a JVM?\" | engine chat --model model.gguf --temperature 0"})
final class ChatCommand extends EngineCommand {
    @Mixin
    private LoadedModel model;

    @Option(names = {"-s", "--system"}, paramLabel = "TEXT", description = "How the model is to behave.")
    private String system = "";

    @Option(names = "--template", paramLabel = "NAME|FILE", description = {
        "Write the conversation as this template has it, not as the model's own does: chatml, deepseek-r1, gemma, llama2, "
            + "llama3, mistral, phi3, plain, or a Jinja file."})
    private String template;

    @Option(names = "--hide-reasoning", description = "Show answers only, not what the model thinks before.")
    private boolean hideReasoning;

    @Option(names = "--load", paramLabel = "FILE", description = "Go on with a conversation that /save has written.")
    private Path load;

    @Option(names = "--load-session", paramLabel = "FILE",
            description = "Go on where --save-session stopped, without reading the conversation again.")
    private Path loadSession;

    @Option(names = "--save-session", paramLabel = "FILE",
            description = "At the end write the conversation and what the model remembers of it to this file.")
    private Path saveSession;

    @Mixin
    private SamplingOptions sampling;

    @Option(names = {"-c", "--ctx"}, paramLabel = "N", defaultValue = "0",
            description = "Positions of the whole conversation (default: the model's own, up to 4096).")
    private int context;

    @Mixin
    private KvTypeOption kvType;

    @Option(names = "--stats", description = "Print speeds on stderr after every answer.")
    private boolean stats;

    ChatCommand(Console console) {
        super(console);
    }

    @Override
    void run() throws IOException {
        if (context < 0) {
            throw new UserMistake("--ctx: expected 1 or more, got " + context);
        }
        SessionOptions sized = SessionOptions.DEFAULT.withContextLength(context).withKvType(kvType.type());
        if (load != null && loadSession != null) {
            throw new UserMistake("--load and --load-session exclude each other");
        }
        try (SavedSession saved = loadSession == null ? null : SavedSession.open(loadSession);
                Model loaded = model.load();
                Session session = loaded.newSession(sized);
                ChatInput input = console.inIsTerminal() ? ChatInput.terminal(ChatLoop.COMMANDS) : ChatInput.lines(console)) {
            Chat chat = new Chat(session, template(loaded), sampling.options());
            if (load != null) {
                chat.restore(Conversation.load(load));
            }
            if (saved != null) {
                chat.restore(saved);
            }
            if (!system.isEmpty()) {
                chat.system(system);
            }
            new ChatLoop(console, input, session, chat, hideReasoning, stats).run();
            if (saveSession != null && session.position() > 0) {
                chat.save(saveSession);
            }
        }
    }

    private ChatTemplate template(Model loaded) throws IOException {
        if (template == null) {
            if (loaded.chatTemplate().isEmpty()) {
                throw new UserMistake("the model carries no chat template, so it may not be made for conversations; choose one "
                        + "with --template " + String.join("|", ChatTemplate.NAMES) + " or a Jinja file");
            }
            return ChatTemplate.of(loaded);
        }
        if (ChatTemplate.NAMES.contains(template)) {
            return ChatTemplate.named(template, loaded);
        }
        Path file = Path.of(template);
        if (!Files.isRegularFile(file)) {
            throw new UserMistake("--template: expected " + String.join(", ", ChatTemplate.NAMES)
                    + " or a Jinja file, got '" + template + "'");
        }
        return ChatTemplate.parse(Files.readString(file), loaded);
    }
}
