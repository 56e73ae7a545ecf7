using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;

namespace PgCluster.Build;

/// <summary>What one suite did.</summary>
/// <param name="Name">The suite.</param>
/// <param name="Passed">Tests that passed.</param>
/// <param name="Failed">Tests that failed; at least 1 when the suite itself broke.</param>
/// <param name="Skipped">Tests that did not run.</param>
/// <param name="Failures">Each failed test: its name, and below it what it said.</param>
/// <param name="NotRun">What did not run, and why.</param>
sealed record SuiteResult(string Name, int Passed, int Failed, int Skipped, IReadOnlyList<string> Failures, IReadOnlyList<NotRun> NotRun)
{
    // What is said of one failed test in the summary; all of it is above, where the test ran.
    const int MostLines = 20;
    const int LongestLine = 2000;

    /// <summary>A suite that broke before it could count.</summary>
    public static SuiteResult Broken(string name, string why) => new(name, 0, 1, 0, [$"{name}: {why}"], []);

    /// <summary>Reads the XML report of an xunit executable.</summary>
    public static SuiteResult FromXunit(string name, string file)
    {
        var assemblies = XDocument.Load(file).Root!.Elements("assembly").ToList();
        var tests = assemblies.Descendants("test").ToList();
        var errors = assemblies.Sum(a => Number(a, "errors"));
        return new SuiteResult(
            name,
            assemblies.Sum(a => Number(a, "passed")),
            assemblies.Sum(a => Number(a, "failed")) + errors,
            assemblies.Sum(a => Number(a, "skipped")) + assemblies.Sum(a => Number(a, "not-run")),
            [
                .. tests.Where(t => (string?)t.Attribute("result") == "Fail").Select(Failure),
                .. errors > 0 ? [$"{errors.ToString(CultureInfo.InvariantCulture)} errors outside of any test"] : Array.Empty<string>(),
            ],
            [.. tests.Where(t => (string?)t.Attribute("result") is "Skip" or "NotRun").Select(t => new NotRun((string?)t.Attribute("name") ?? "?", t.Element("reason")?.Value.Trim() ?? "not run"))]);
    }

    /// <summary>Reads the report that Invoke-PesterSuite.ps1 writes.</summary>
    public static SuiteResult FromPester(string name, string json)
    {
        var report = JsonSerializer.Deserialize<PesterReport>(json) ?? throw new BuildException("the Pester report is empty");
        return new SuiteResult(
            name, report.Passed, report.Failed, report.Skipped, report.Failures, [.. report.NotRun.Select(n => new NotRun(n, "skipped by the test itself"))]);
    }

    /// <summary>The line people read.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}: {Passed} passed, {Failed} failed, {Skipped} skipped");

    /// <summary>The name and the message: whoever reads only the end of a long log sees why.</summary>
    static string Failure(XElement test)
    {
        var failure = test.Element("failure");
        var said = string.Concat(failure?.Element("message")?.Value, "\n", failure?.Element("stack-trace")?.Value)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return string.Join("\n    ", [(string?)test.Attribute("name") ?? "?", .. said.Take(MostLines).Select(Shortened)]);
    }

    static string Shortened(string line) => line.Length <= LongestLine ? line : string.Concat(line.AsSpan(0, LongestLine), " ...");

    static int Number(XElement element, string attribute) => (int?)element.Attribute(attribute) ?? 0;

    sealed record PesterReport(int Passed, int Failed, int Skipped, string[] Failures, string[] NotRun);
}

/// <summary>Something that was not run.</summary>
/// <param name="Name">The test, or the file of tests.</param>
/// <param name="Why">Why not.</param>
sealed record NotRun(string Name, string Why);
