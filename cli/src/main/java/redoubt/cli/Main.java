package redoubt.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import redoubt.control.ControlPath;

/**
 * The way in: {@code redoubt VERB ...}. Here alone words become commands, and what they throw becomes one sentence on stderr and an exit
 * code of {@link ExitCode}. Nobody is shown a stack trace unless {@code REDOUBT_DEBUG} is set.
 */
@Command(
        name = "redoubt",
        version = "redoubt " + Main.VERSION,
        mixinStandardHelpOptions = true,
        sortOptions = false,
        subcommands = CommandLine.HelpCommand.class,
        synopsisSubcommandLabel = "VERB",
        commandListHeading = "%nVerbs:%n",
        description = {
            "RAID in user space: reads, writes and serves the disks of Linux md and of Intel firmware, without root.",
            "",
            "A DISK is PATH[,serial=TEXT]: an image file, a block device, or an NBD URI. The serial tells the members of"
                    + " an Intel array apart where they cannot say it themselves; members may be given in any order."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:done",
            "64:wrong usage",
            "65:the disks do not form an array, or are ambiguous",
            "70:a bug in Redoubt",
            "74:a disk or a file could not be read or written",
            "75:not now; try again",
            "77:refused, because data would be lost; the message says how to insist"
        },
        footer = {
            "",
            "Examples:",
            "  redoubt quickstart",
            "  redoubt examine disk0.img disk1.img",
            "  redoubt serve --read-only disk0.img,serial=WD-1 disk1.img,serial=WD-2",
            "",
            "Each verb has a page of its own: redoubt help VERB"
        })
public final class Main implements Runnable {

    static final String VERSION = "0.1.0-SNAPSHOT";

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli fills it
    private CommandSpec spec;

    private Main() {}

    /** Runs a command and ends the process with its exit code. */
    public static void main(String[] words) {
        System.exit(run(Console.ofProcess(), words));
    }

    /**
     * Runs a command.
     *
     * @return its exit code
     */
    static int run(Console console, String... words) {
        try {
            return commandLine(console).execute(words);
        } catch (OutOfMemoryError scarce) {
            console.say("there is not enough memory, or no thread to be had: " + scarce.getMessage());
            return ExitCode.TRY_AGAIN.number();
        } catch (StackOverflowError | LinkageError | AssertionError bug) {
            return failed(console, bug);
        } finally {
            console.out().flush();
            console.err().flush();
        }
    }

    static CommandLine commandLine(Console console) {
        CommandLine line = new CommandLine(new Main());
        line.addSubcommand("quickstart", new QuickstartCommand(console))
                .addSubcommand("examine", new ExamineCommand(console))
                .addSubcommand("scan", new ScanCommand(console))
                .addSubcommand("create", new CreateCommand(console))
                .addSubcommand("serve", new ServeCommand(console))
                .addSubcommand("copy", new CopyCommand(console))
                .addSubcommand("restore", new RestoreCommand(console))
                .addSubcommand("status", new StatusCommand(console))
                .addSubcommand("detail", new DetailCommand(console))
                .addSubcommand("fail", new FailCommand(console))
                .addSubcommand("stop", new StopCommand(console))
                .addSubcommand("events", new EventsCommand(console))
                .addSubcommand("mdmon", new MdmonCommand(console))
                .addSubcommand(
                        "progress",
                        new CommandLine(new ProgressCommand(console))
                                .addSubcommand("explore", new ProgressExploreCommand(console)))
                .addSubcommand("completion", new CompletionCommand(console));
        line.setOut(new PrintWriter(console.out(), true, StandardCharsets.UTF_8));
        line.setErr(new PrintWriter(console.err(), true, StandardCharsets.UTF_8));
        line.setUsageHelpAutoWidth(true);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setParameterExceptionHandler((wrong, args) -> wrongUsage(console, wrong));
        line.setExecutionExceptionHandler((thrown, command, parsed) -> failed(console, thrown));
        return line;
    }

    private static int wrongUsage(Console console, ParameterException wrong) {
        CommandSpec command = wrong.getCommandLine().getCommandSpec();
        boolean top = command.parent() == null;
        console.say(sentence(wrong, top) + "; see 'redoubt help" + (top ? "'" : " " + command.name() + "'"));
        return ExitCode.USAGE.number();
    }

    private static String sentence(ParameterException wrong, boolean top) {
        return switch (wrong) {
            case CommandLine.UnmatchedArgumentException unmatched
            when top -> "there is no verb '" + unmatched.getUnmatched().getFirst() + "'";
            case CommandLine.UnmatchedArgumentException unmatched ->
                "'%s' is one word too many, or no option"
                        .formatted(unmatched.getUnmatched().getFirst());
            case CommandLine.MissingParameterException missing ->
                missing.getMissing().stream()
                        .map(each -> each.isOption() ? ((OptionSpec) each).longestName() : each.paramLabel())
                        .collect(Collectors.joining(" and ", "", " must be given"));
            default -> String.valueOf(wrong.getMessage()).lines().findFirst().orElse("wrong usage");
        };
    }

    private static int failed(Console console, Throwable thrown) {
        return switch (thrown) {
            case Refused refused -> {
                console.say(refused.sentence());
                refused.choices().forEach(choice -> console.err().println("  " + Console.printable(choice)));
                yield refused.exitCode();
            }
            case ControlPath.Untrusted untrusted -> {
                console.say(String.valueOf(untrusted.getMessage()));
                yield ExitCode.REFUSED.number();
            }
            case IOException broken -> {
                console.say(sentence(broken));
                yield ExitCode.IO.number();
            }
            default -> {
                if (isDebugging(console)) {
                    thrown.printStackTrace(console.err());
                }
                console.say("a bug: " + thrown + where(thrown) + "; please report it, with what you did"
                        + (isDebugging(console) ? "" : " and what it prints with REDOUBT_DEBUG=1"));
                yield ExitCode.BUG.number();
            }
        };
    }

    private static String sentence(IOException broken) {
        String message = broken.getMessage();
        return switch (broken) {
            case java.nio.file.NoSuchFileException absent -> "there is no '" + message + "'";
            case java.nio.file.AccessDeniedException denied -> "'" + message + "' may not be used by you";
            case java.nio.file.FileAlreadyExistsException there -> "'" + message + "' is there already";
            default -> message == null ? broken.getClass().getSimpleName() : message;
        };
    }

    private static boolean isDebugging(Console console) {
        return console.environment().containsKey("REDOUBT_DEBUG");
    }

    private static String where(Throwable thrown) {
        for (StackTraceElement element : thrown.getStackTrace()) {
            if (element.getClassName().startsWith("redoubt.")) {
                return " at " + element.getClassName() + ":" + element.getLineNumber();
            }
        }
        return "";
    }

    /** The completion script for bash and zsh. */
    static String completionScript(Console console) {
        return AutoComplete.bash("redoubt", commandLine(console));
    }

    /** No verb at all. */
    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a verb is missing");
    }
}
