package redoubt.interop;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import redoubt.interop.Tree.Source;

/**
 * House rules that no compiler knows. Each complaint names the place and what to write instead. Where a rule is wrong for
 * one line, that line ends in {@code // tidy: and why}.
 */
class TidinessTest {
    /**
     * Which rooms a room may use, as docs/ARCHITECTURE.md says it. What stands under a room it uses, it may use too. Rooms that
     * may use all are left out.
     */
    private static final Map<String, List<String>> MAY_USE = arrowsOfTheTable();

    /** Rooms that see everything and are seen by none. */
    private static final Set<String> LEAVES = Set.of("cli", "interop", "bench");

    /** One thing that code may not say outside its rooms. */
    private record Ban(String pattern, boolean alsoInTests, Set<String> rooms, String instead) {
        boolean covers(Source source) {
            return !rooms.contains(source.room()) && (alsoInTests || source.isMain());
        }
    }

    private static final List<Ban> BANS = List.of(
            new Ban(
                    "\\bThread\\.sleep\\(",
                    true,
                    Set.of("base", "testkit", "interop", "bench"),
                    "wait for the event itself, or step the clock of redoubt.sim"),
            new Ban(
                    "\\bSystem\\.currentTimeMillis\\(|\\b(Instant|LocalDateTime|ZonedDateTime|OffsetDateTime)\\.now\\(",
                    true,
                    Set.of("base", "interop", "bench"),
                    "ask the clock that redoubt.base hands in, so that a test can step it"),
            new Ban(
                    "\\bnew (java\\.util\\.)?(Random|SplittableRandom)\\(\\)|\\bThreadLocalRandom\\b|\\bMath\\.random\\(",
                    true,
                    Set.of(),
                    "give the generator a seed that the failing test prints"),
            new Ban(
                    "\\bnew Thread\\(|\\bThread\\.(ofPlatform|ofVirtual|startVirtualThread)\\(",
                    false,
                    Set.of("base", "workqueue", "block", "nbd", "control", "testkit", "bench"),
                    "queue an item on a Workqueue, or take a thread through the seam in redoubt.base"),
            new Ban(
                    "\\bExecutors?\\.|\\bExecutorService\\b|\\bCompletableFuture\\b|\\bnew Timer\\(|\\bThread\\.(ofVirtual|startVirtualThread)\\("
                            + "|\\.parallelStream\\(|\\.parallel\\(\\)",
                    false,
                    Set.of("cli", "interop", "bench", "testkit", "explore"),
                    "use a Workqueue or a lane: these need a new thread at the moment when there is none"),
            new Ban(
                    "\\bSystem\\.(out|err)\\b|\\.printStackTrace\\(",
                    false,
                    Set.of("cli", "interop", "bench", "testkit", "mdmon"),
                    "return what happened; only the cli room prints"),
            new Ban(
                    "\\bSystem\\.exit\\(|\\bRuntime\\.getRuntime\\(\\)\\.(exit|halt)\\(",
                    false,
                    Set.of("cli", "bench", "mdmon", "testkit"),
                    "throw or return; only the cli room ends the process"));

    @Test
    void everyPackageSaysWhyItExists() {
        Map<Path, Boolean> explained = new TreeMap<>();
        for (Source source : Tree.java()) {
            if (source.isMain() && !source.name().equals("module-info.java")) {
                explained.merge(
                        source.path().getParent(), source.name().equals("package-info.java"), Boolean::logicalOr);
            }
        }
        List<String> complaints = new ArrayList<>();
        explained.forEach((directory, has) -> {
            if (!has) {
                complaints.add(directory + ": add a package-info.java that says in a sentence why the package exists");
            }
        });
        assertNone(complaints);
    }

    @Test
    void everyModuleSaysWhyTheRoomExists() {
        List<String> complaints = new ArrayList<>();
        for (Source source : Tree.java()) {
            boolean door =
                    source.name().equals("module-info.java") || source.name().equals("package-info.java");
            if (door && !source.text().contains("/**")) {
                complaints.add(source.path() + ": put one Javadoc sentence above it that says why the room exists");
            }
            if (source.name().equals("module-info.java") && !source.text().contains("@NullMarked")) {
                complaints.add(source.path() + ": mark the module @NullMarked");
            }
        }
        assertNone(complaints);
    }

    @Test
    void bannedCallsStayInTheirRooms() {
        List<String> complaints = new ArrayList<>();
        for (Source source : Tree.java()) {
            List<Ban> bans = BANS.stream().filter(ban -> ban.covers(source)).toList();
            List<String> code = source.code();
            List<String> lines = source.lines();
            for (Ban ban : bans) {
                Pattern pattern = Pattern.compile(ban.pattern());
                for (int i = 0; i < code.size(); i++) {
                    Matcher matcher = pattern.matcher(code.get(i));
                    if (matcher.find() && !isExcused(lines.get(i))) {
                        complaints.add("%s:%d: '%s' has no place here: %s"
                                .formatted(source.path(), i + 1, matcher.group(), ban.instead()));
                    }
                }
            }
        }
        assertNone(complaints);
    }

    @Test
    void nothingIsLeftForLater() {
        Pattern leftover = Pattern.compile("\\b(" + "FIX" + "ME|TO" + "DO|XX" + "X)\\b");
        List<String> complaints = new ArrayList<>();
        for (Source source : Tree.sources()) {
            eachMatch(
                    source,
                    leftover,
                    (line, word) -> complaints.add(
                            "%s:%d: do what '%s' says, or open an issue".formatted(source.path(), line, word)));
        }
        assertNone(complaints);
    }

    @Test
    void nothingNamesAPathOfOneMachine() {
        Pattern path = Pattern.compile("(?<![\\w.}$/-])/(wo" + "rk|ho" + "me|Us" + "ers)/[a-z]\\w*");
        List<String> complaints = new ArrayList<>();
        for (Source source : Tree.sources()) {
            eachMatch(
                    source,
                    path,
                    (line, word) ->
                            complaints.add("%s:%d: '%s' exists on one machine; find it from the root of the tree"
                                    .formatted(source.path(), line, word)));
        }
        assertNone(complaints);
    }

    @Test
    void roomsUseOnlyTheRoomsBelowThem() {
        Pattern requires = Pattern.compile("requires\\s+(?:static\\s+|transitive\\s+)*redoubt\\.(\\w+)\\s*;");
        List<String> complaints = new ArrayList<>();
        for (Source source : Tree.java()) {
            if (!source.name().equals("module-info.java") || LEAVES.contains(source.room())) {
                continue;
            }
            List<String> allowed = MAY_USE.get(source.room());
            if (allowed == null) {
                complaints.add(source.path() + ": a new room; add it to the table in docs/ARCHITECTURE.md");
                continue;
            }
            Matcher matcher = requires.matcher(source.text());
            while (matcher.find()) {
                if (!below(source.room()).contains(matcher.group(1))) {
                    complaints.add("%s: '%s' may not use '%s'; it may use %s"
                            .formatted(source.path(), source.room(), matcher.group(1), allowed));
                }
            }
        }
        assertNone(complaints);
    }

    @Test
    void nobodyRequiresALeaf() {
        List<String> complaints = new ArrayList<>();
        for (Source source : Tree.java()) {
            for (String leaf : LEAVES) {
                Pattern required = Pattern.compile("requires [a-z ]*redoubt\\." + leaf + ";");
                if (source.name().equals("module-info.java")
                        && required.matcher(source.text()).find()) {
                    complaints.add(source.path() + ": '" + leaf + "' is seen by none; move what is needed below it");
                }
            }
        }
        assertNone(complaints);
    }

    /** Surefire finds tests by the name of the class, and says nothing of those it does not find. */
    @Test
    void everyTestHasANameUnderWhichItIsRun() {
        Pattern test = Pattern.compile("@(Test|ParameterizedTest|RepeatedTest|TestFactory|TestTemplate|FuzzTest)\\b");
        Pattern suite = Pattern.compile(
                "\\babstract class\\b|^(public )?interface\\b|\\bsealed interface\\b", Pattern.MULTILINE);
        List<String> complaints = new ArrayList<>();
        for (Source source : Tree.java()) {
            String code = String.join("\n", source.code());
            boolean isSuite = suite.matcher(code).find();
            if (!source.isMain()
                    && test.matcher(code).find()
                    && !isSuite
                    && !source.name().endsWith("Test.java")) {
                complaints.add(source.path() + ": has tests that are never run; let its name end in Test");
            }
        }
        assertNone(complaints);
    }

    /** A run-time dependency is read by everybody who audits us: it has a page that says what it is for. */
    @Test
    void everyRunTimeDependencyHasADecisionPage() throws IOException {
        Pattern dependency = Pattern.compile("<dependency>(.*?)</dependency>", Pattern.DOTALL);
        Pattern artifact = Pattern.compile("<artifactId>([^<]+)</artifactId>");
        StringBuilder pages = new StringBuilder();
        try (var files = Files.list(Tree.root().resolve("docs/decisions"))) {
            for (Path page : files.toList()) {
                pages.append(Files.readString(page));
            }
        }
        Set<String> complaints = new TreeSet<>();
        Set<String> shipped = new TreeSet<>(below("assembly"));
        shipped.addAll(List.of("assembly", "control", "nbd", "mdmon", "fuse", "cli"));
        for (String room : shipped) {
            Path pom = Tree.root().resolve(room).resolve("pom.xml");
            if (!Files.exists(pom)) {
                continue;
            }
            Matcher dependencies = dependency.matcher(Files.readString(pom));
            while (dependencies.find()) {
                String body = dependencies.group(1);
                Matcher name = artifact.matcher(body);
                boolean ships = !body.contains("io.redoubt") && !body.contains("<scope>");
                if (ships && name.find() && pages.indexOf(name.group(1)) < 0) {
                    complaints.add("%s/pom.xml: '%s' has no page in docs/decisions that says why it is worth its weight"
                            .formatted(room, name.group(1)));
                }
            }
        }
        assertNone(List.copyOf(complaints));
    }

    @Test
    void everyLinkInADocumentLeadsSomewhere() {
        Pattern link = Pattern.compile("\\]\\(([^)#\\s]+)(#[^)\\s]*)?\\)");
        List<String> complaints = new ArrayList<>();
        for (Source source : Tree.sources()) {
            if (!source.name().endsWith(".md")) {
                continue;
            }
            Path directory = Tree.root().resolve(source.path()).getParent();
            eachMatch(source, link, (line, whole) -> {
                Matcher matcher = link.matcher(whole);
                String target = matcher.find() ? matcher.group(1) : "";
                if (!target.contains(":") && !Files.exists(directory.resolve(target))) {
                    complaints.add("%s:%d: '%s' leads nowhere; mend the link or write the page"
                            .formatted(source.path(), line, target));
                }
            });
        }
        assertNone(complaints);
    }

    @Test
    void everyTestThatADocumentNamesExists() {
        Pattern named = Pattern.compile("`(\\w+Test)\\b");
        Set<String> tests = new TreeSet<>();
        for (Source source : Tree.java()) {
            tests.add(source.name().replace(".java", ""));
        }
        List<String> complaints = new ArrayList<>();
        for (Source source : Tree.sources()) {
            if (source.name().endsWith(".md")) {
                eachMatch(source, named, (line, word) -> {
                    if (!tests.contains(word.substring(1))) {
                        complaints.add("%s:%d: there is no %s; name the test that shows it now"
                                .formatted(source.path(), line, word.substring(1)));
                    }
                });
            }
        }
        assertNone(complaints);
    }

    private static Map<String, List<String>> arrowsOfTheTable() {
        Pattern row = Pattern.compile("^\\| `(\\w+)` \\|[^|]*\\|([^|]*)\\|$", Pattern.MULTILINE);
        Map<String, List<String>> arrows = new TreeMap<>();
        try {
            Matcher rows = row.matcher(Files.readString(Tree.root().resolve("docs/ARCHITECTURE.md")));
            while (rows.find()) {
                String below = rows.group(2).trim();
                if (!below.equals("all")) {
                    arrows.put(rows.group(1), below.isEmpty() ? List.of() : List.of(below.split(", ")));
                }
            }
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
        return arrows;
    }

    private static Set<String> below(String room) {
        Set<String> all = new TreeSet<>();
        for (String next : MAY_USE.getOrDefault(room, List.of())) {
            all.add(next);
            all.addAll(below(next));
        }
        return all;
    }

    private interface OnMatch {
        void at(int line, String text);
    }

    private static void eachMatch(Source source, Pattern pattern, OnMatch action) {
        List<String> lines = source.lines();
        for (int i = 0; i < lines.size(); i++) {
            Matcher matcher = pattern.matcher(lines.get(i));
            while (matcher.find()) {
                if (!isExcused(lines.get(i))) {
                    action.at(i + 1, matcher.group());
                }
            }
        }
    }

    private static boolean isExcused(String line) {
        return line.matches(".*// tidy: \\S.*");
    }

    private static void assertNone(List<String> complaints) {
        assertThat(complaints)
                .withFailMessage(() -> complaints.stream().collect(joining("\n", "\n", "\n")))
                .isEmpty();
    }
}
