using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace PgCluster.Build;

/// <summary>
/// A three-node cluster on this machine, sixteen writers, a failover under them, and everything taken away again. With PowerShell it is the runbook
/// examples/demo.ps1; without, the same through the command line.
/// </summary>
sealed class Demo(Repository repository, string? pwsh, bool json, TextWriter log)
{
    const int Writers = 16;

    /// <summary>Runs it; 0 when clients noticed nothing.</summary>
    public async Task<int> RunAsync(CancellationToken cancellationToken) =>
        pwsh is null ? await ByCommandLineAsync(cancellationToken) : await ByRunbookAsync(pwsh, cancellationToken);

    async Task<int> ByRunbookAsync(string program, CancellationToken cancellationToken)
    {
        var module = await new Packer(repository, log).PackAsync(cancellationToken);

        // Its streams are ours: the runbook writes its own progress, and Ctrl+C reaches it directly.
        var start = new ProcessStartInfo(
            program,
            ["-NoLogo", "-NoProfile", "-NonInteractive", "-File", repository.Path("examples", "demo.ps1"), "-Module", Path.Combine(module, "PgCluster.psd1"), .. json ? ["-Json"] : Array.Empty<string>()]);
        using var process = Process.Start(start) ?? throw new BuildException($"{program} did not start");
        await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode;
    }

    async Task<int> ByCommandLineAsync(CancellationToken cancellationToken)
    {
        var pgcluster = Path.Combine(repository.Output("PgCluster.Agent"), "pgcluster");
        var name = string.Create(CultureInfo.InvariantCulture, $"demo-{Environment.ProcessId}");
        log.WriteLine($"starting a playground of three nodes ({name})");
        try
        {
            var playground = JsonElement.Parse(await Tool.ReadAsync(pgcluster, ["playground", "up", "--name", name, "--json"], log, cancellationToken));
            var config = playground.GetProperty("ConfigFile").GetString()!;
            log.Write(await Tool.ReadAsync(pgcluster, ["nodes", "--config-file", config], log, cancellationToken));
            log.WriteLine($"failing over under {Writers} writers");
            var measured = JsonElement.Parse(await Tool.ReadAsync(
                pgcluster,
                ["failover", "--config-file", config, "--yes", "--measure", Writers.ToString(CultureInfo.InvariantCulture), "--uri", playground.GetProperty("ClientUri").GetString()!, "--json"],
                log, cancellationToken));
            log.Write(await Tool.ReadAsync(pgcluster, ["nodes", "--config-file", config], log, cancellationToken));
            return Show(measured.GetProperty("Report"), measured.GetProperty("WriteGap"));
        }
        finally
        {
            // Also after Ctrl+C and after an up that failed halfway: nothing of it stays.
            await Tool.ReadAsync(pgcluster, ["playground", "down", "--name", name], log, CancellationToken.None);
            log.WriteLine("the playground is gone");
        }
    }

    int Show(JsonElement report, JsonElement gap)
    {
        var steps = report.GetProperty("Steps").EnumerateArray().ToList();
        foreach (var step in steps)
        {
            log.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {step.GetProperty("Name").GetString(),-12}{step.GetProperty("ElapsedSeconds").GetDouble() * 1000,8:0.0} ms  {step.GetProperty("Node").GetString(),-24} {step.GetProperty("Detail").GetString()}"));
        }

        var errors = gap.GetProperty("ClientErrors").GetInt64();
        var lost = gap.GetProperty("LostCommits").GetInt64();
        var doubled = gap.GetProperty("DoubledCommits").GetInt64();
        log.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.GetProperty("OldPrimary").GetString()} -> {report.GetProperty("NewPrimary").GetString()}: write gap {gap.GetProperty("WriteGapMs").GetDouble():0.0} ms, {errors} client errors, {lost} lost and {doubled} doubled of {gap.GetProperty("Commits").GetInt64()} commits"));
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                client_errors = errors,
                lost_commits = lost,
                doubled_commits = doubled,
                write_gap_ms = gap.GetProperty("WriteGapMs").GetDouble(),
                steps = steps.Select(s => new
                {
                    name = s.GetProperty("Name").GetString(),
                    node = s.GetProperty("Node").GetString(),
                    elapsed_ms = s.GetProperty("ElapsedSeconds").GetDouble() * 1000,
                    succeeded = s.GetProperty("Succeeded").GetBoolean(),
                    detail = s.GetProperty("Detail").GetString(),
                }),
                ran_in = "pgcluster",
            }));
        }

        return report.GetProperty("Outcome").ToString() == "Succeeded" && errors == 0 && lost == 0 && doubled == 0 ? 0 : 1;
    }
}
