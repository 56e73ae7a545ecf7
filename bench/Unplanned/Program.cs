using System.Globalization;
using PgCluster;
using PgCluster.Bench;
using PgCluster.Bench.Hosts;
using PgCluster.Bench.Unplanned;
using PgCluster.Playground.Hosts;

// The clients' write gap when the primary is lost without a warning: ours beside Patroni, on the same kind of hosts in the same run.
HubProcess.Enter();
UnplannedOptions options;
IReadOnlyList<Crash> crashes;
IReadOnlyList<Contender> contenders;
try
{
    options = UnplannedOptions.Parse(args);
    crashes = UnplannedOptions.Choose(options.Faults, Crash.All, crash => crash.Name);
    contenders = UnplannedOptions.Choose(options.Contenders, Contender.All(options), contender => contender.Name);
}
catch (FormatException e)
{
    Console.Error.WriteLine($"{e.Message}\n{UnplannedOptions.Usage}");
    return 2;
}

return await HubProcess.RunAsync(args, RunAsync);

async Task<int> RunAsync(HostNetwork network, CancellationToken cancellationToken)
{
    List<string> facts = [$"{BenchOutput.MachineText()}; {options.Writers.ToString(CultureInfo.InvariantCulture)} writers, each resting {options.Pace.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)} ms between commits"];
    if (contenders.Any(contender => !contender.IsOurs))
    {
        if (PatroniPrograms.Missing is { } missing)
        {
            facts.Add(missing);
            BenchOutput.Progress(missing);
            contenders = [.. contenders.Where(contender => contender.IsOurs)];
        }
        else
        {
            facts.Add(await PatroniPrograms.VersionsAsync(cancellationToken));
        }
    }

    var runner = new TrialRunner(network, options);
    var failed = false;
    try
    {
        await runner.RunAsync(contenders, crashes, cancellationToken);
    }
    catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
    {
        failed = true;
    }
    catch (PgClusterException e)
    {
        Console.Error.WriteLine(e.Message);
        failed = true;
    }

    var report = new UnplannedReport(options, contenders, crashes, runner.Trials, facts);
    if (options.Json)
    {
        BenchOutput.Object(report.ToJson());
    }
    else
    {
        report.Show();
    }

    if (options.Markdown is { } file)
    {
        await MarkdownFile.WriteAsync(file, "unplanned", report.ToMarkdown());
    }

    return failed || !report.IsGood ? 1 : 0;
}
