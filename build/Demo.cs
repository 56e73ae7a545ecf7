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
        var up = false;
        try
        {
            var playground = JsonElement.Parse(await Tool.ReadAsync(pgcluster, ["playground", "up", "--name", name, "--json"], log, cancellationToken));
            up = true;
            var config = playground.GetProperty("config_file").GetString()!;
            log.Write(await Tool.ReadAsync(pgcluster, ["nodes", "--config-file", config], log, cancellationToken));
            log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"failing over under {Writers} writers"));
            var measured = JsonElement.Parse(await Tool.ReadAsync(
                pgcluster,
                ["failover", "--config-file", config, "--yes", "--measure", Writers.ToString(CultureInfo.InvariantCulture), "--uri", playground.GetProperty("client_uri").GetString()!, "--json"],
                log, cancellationToken));
            log.Write(await Tool.ReadAsync(pgcluster, ["nodes", "--config-file", config], log, cancellationToken));
            return Show(measured.GetProperty("report"), measured.GetProperty("write_gap"));
        }
        finally
        {
            // Also after Ctrl+C and after an up that failed halfway: nothing of it stays.
            try
            {
                await Tool.ReadAsync(pgcluster, ["playground", "down", "--name", name], log, CancellationToken.None);
            }
            catch (BuildException e) when (!up)
            {
                log.WriteLine(e.Message);
            }
        }
    }

    int Show(JsonElement report, JsonElement gap)
    {
        var steps = report.GetProperty("steps").EnumerateArray().ToList();
        foreach (var step in steps)
        {
            log.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {step.GetProperty("name").GetString(),-12}{step.GetProperty("elapsed_seconds").GetDouble() * 1000,8:0.0} ms  {step.GetProperty("node").GetString(),-24} {step.GetProperty("detail").GetString()}"));
        }

        var errors = gap.GetProperty("client_errors").GetInt64();
        var lost = gap.GetProperty("lost_commits").GetInt64();
        var doubled = gap.GetProperty("doubled_commits").GetInt64();
        log.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.GetProperty("old_primary").GetString()} -> {report.GetProperty("new_primary").GetString()}: write gap {gap.GetProperty("write_gap_ms").GetDouble():0.0} ms, {errors} client errors, {lost} lost and {doubled} doubled of {gap.GetProperty("commits").GetInt64()} commits"));
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                client_errors = errors,
                lost_commits = lost,
                doubled_commits = doubled,
                write_gap_ms = gap.GetProperty("write_gap_ms").GetDouble(),
                steps = steps.Select(s => new
                {
                    name = s.GetProperty("name").GetString(),
                    node = s.GetProperty("node").GetString(),
                    elapsed_ms = s.GetProperty("elapsed_seconds").GetDouble() * 1000,
                    succeeded = s.GetProperty("succeeded").GetBoolean(),
                    detail = s.GetProperty("detail").GetString(),
                }),
                ran_in = "pgcluster",
            }));
        }

        return report.GetProperty("outcome").ToString() == "Succeeded" && errors == 0 && lost == 0 && doubled == 0 ? 0 : 1;
    }
}
