using System.Globalization;

namespace PgCluster.Build;

/// <summary>Runs the suites one after the other, says what each did and what was not run, and ends with one line that sums up.</summary>
sealed class Suites(Repository repository, string? pwsh, TextWriter log)
{
    // A test that hangs must not take the whole run's ten minutes with it.
    static readonly TimeSpan UnitBudget = TimeSpan.FromMinutes(5);
    static readonly TimeSpan IntegrationBudget = TimeSpan.FromMinutes(70);
    static readonly TimeSpan PesterBudget = TimeSpan.FromMinutes(20);

    string Results => repository.Path("artifacts", "test-results");

    /// <summary>True when tests ran and none failed.</summary>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Results);
        SuiteResult[] results =
        [
            await XunitAsync("unit", "Unit", UnitBudget, cancellationToken),
            await XunitAsync("integration", "Integration", IntegrationBudget, cancellationToken),
            await PesterAsync(cancellationToken),
        ];
        return Report(results);
    }

    /// <summary>Says the same when there was nothing to run, because something before the tests failed.</summary>
    public static bool ReportBroken(TextWriter log, string what)
    {
        log.WriteLine(what);
        log.WriteLine(Total([SuiteResult.Broken("build", what)]));
        return false;
    }

    bool Report(IReadOnlyList<SuiteResult> results)
    {
        log.WriteLine();
        foreach (var result in results)
        {
            log.WriteLine(result);
            foreach (var reason in result.NotRun.GroupBy(n => n.Why, StringComparer.Ordinal))
            {
                log.WriteLine($"  not run: {reason.Key}");
                foreach (var test in reason)
                {
                    log.WriteLine($"    {test.Name}");
                }
            }

            foreach (var failure in result.Failures)
            {
                log.WriteLine($"  failed: {failure}");
            }
        }

        log.WriteLine(Total(results));
        return results.Sum(r => r.Passed) > 0 && results.All(r => r.Failed == 0);
    }

    static string Total(IReadOnlyList<SuiteResult> results) => string.Create(
        CultureInfo.InvariantCulture,
        $"Total: {results.Sum(r => r.Passed)} passed, {results.Sum(r => r.Failed)} failed, {results.Sum(r => r.Skipped)} skipped");

    async Task<SuiteResult> XunitAsync(string name, string project, TimeSpan budget, CancellationToken cancellationToken)
    {
        log.WriteLine($"== {name}");
        var report = Path.Combine(Results, name + ".xml");
        File.Delete(report);
        var program = Path.Combine(repository.Output(project), $"PgCluster.Tests.{project}.dll");
        var exit = await Tool.RunAsync("dotnet", [program, "-noLogo", "-noColor", "-xml", report], log, budget, cancellationToken);
        return exit is null ? SuiteResult.Broken(name, string.Create(CultureInfo.InvariantCulture, $"did not finish within {budget.TotalMinutes} minutes"))
            : !File.Exists(report) ? SuiteResult.Broken(name, string.Create(CultureInfo.InvariantCulture, $"ended with exit code {exit} and without a report"))
            : Judge(SuiteResult.FromXunit(name, report), exit.Value);
    }

    async Task<SuiteResult> PesterAsync(CancellationToken cancellationToken)
    {
        const string Name = "pester";
        log.WriteLine($"== {Name}");
        var files = Directory.Exists(repository.Path("tests", "Pester"))
            ? Directory.EnumerateFiles(repository.Path("tests", "Pester"), "*.Tests.ps1", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToList()
            : [];
        if (pwsh is null)
        {
            return NotRun("there is no pwsh 7.6 or newer");
        }

        await new Packer(repository, log).PackAsync(cancellationToken);
        var report = Path.Combine(Results, Name + ".json");
        File.Delete(report);
        var exit = await Tool.RunAsync(
            pwsh,
            ["-NoLogo", "-NoProfile", "-NonInteractive", "-File", repository.Path("build", "Invoke-PesterSuite.ps1"), "-Path", repository.Path("tests", "Pester"), "-ModulePath", repository.ModulePath, "-Report", report],
            log, PesterBudget, cancellationToken);
        return exit switch
        {
            null => SuiteResult.Broken(Name, string.Create(CultureInfo.InvariantCulture, $"did not finish within {PesterBudget.TotalMinutes} minutes")),
            PesterMissing => NotRun("there is no Pester 5"),
            _ when !File.Exists(report) => SuiteResult.Broken(Name, string.Create(CultureInfo.InvariantCulture, $"ended with exit code {exit} and without a report")),
            _ => Judge(SuiteResult.FromPester(Name, await File.ReadAllTextAsync(report, cancellationToken)), exit.Value),
        };

        SuiteResult NotRun(string why) => new(
            Name, 0, 0, files.Count, [], [.. files.Select(f => new NotRun(Path.GetRelativePath(repository.Root, f).Replace('\\', '/'), why))]);
    }

    /// <summary>Exit code of Invoke-PesterSuite.ps1 when Pester is not there.</summary>
    const int PesterMissing = 44;

    /// <summary>An exit code that says failed outranks a report that says all went well.</summary>
    static SuiteResult Judge(SuiteResult result, int exit) => exit == 0 || result.Failed > 0
        ? result
        : result with { Failed = 1, Failures = [string.Create(CultureInfo.InvariantCulture, $"{result.Name}: ended with exit code {exit} although no test failed")] };
}
