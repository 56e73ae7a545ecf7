using System.CommandLine;
using System.Globalization;
using PgCluster.Client;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster daemons [upgrade|rehearse|stop]</c>.</summary>
internal static class DaemonsCommand
{
    public static Command Create()
    {
        var command = new Command("daemons", "Shows the processes of supervise, proxy and observe.") { Upgrade(), Rehearse(), Stop() };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var daemons = await FindAsync(cluster, null, cancellationToken);
            if (parsed.GetValue(ConfigurationOptions.Json))
            {
                Output.Json(daemons);
            }
            else
            {
                Output.Table(
                    ["Name", "Machine", "Pid", "State", "Version", "Connections", "Detail"],
                    daemons.Select(d => (string[])
                    [
                        d.Name, d.Machine, d.Pid.ToString(CultureInfo.InvariantCulture), d.State.ToString(), d.Version, d.Connections.ToString(CultureInfo.InvariantCulture),
                        d.Error ?? string.Join(", ", d.Listeners),
                    ]));
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static Command Upgrade()
    {
        var names = new Argument<string[]>("name") { Description = "The daemons; all when none is named.", Arity = ArgumentArity.ZeroOrMore };
        var drain = DrainTimeout("Seconds for which streams of an old process may go on; agent.drain_timeout when not given.");
        var reason = new Option<string>("--reason") { Description = "Why, for the history.", DefaultValueFactory = _ => "" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print checks, order and plan; change nothing." };
        var command = new Command("upgrade", "Has daemons followed by new processes of the installed program, one by one, the primary's agent last.") { names, drain, reason, dryRun };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var json = parsed.GetValue(ConfigurationOptions.Json);
            var request = new DaemonUpgradeRequest
            {
                Names = parsed.GetValue(names) is { Length: > 0 } given ? given : null,
                DrainTimeout = parsed.GetValue(drain) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
                Why = parsed.GetValue(reason)!,
                Actor = Caller.Name,
            };
            var plan = await cluster.PlanDaemonUpgradeAsync(request, cancellationToken);
            if (parsed.GetValue(dryRun))
            {
                OperationOutput.ShowPlan(plan, json);
                return ClusterConnection.RefusalOf(plan) is null ? ExitCodes.Done : ExitCodes.Refused;
            }

            var report = await cluster.RunDaemonUpgradeAsync(plan, request, new StepPrinter(json), cancellationToken);
            if (json)
            {
                Output.Json(report);
                return ExitCodes.Of(report);
            }

            OperationOutput.ShowSteps(report);
            var done = string.Join(", ", report.Steps.Where(s => s is { Name: "follow", Phase: StepPhase.Run, Succeeded: true }).Select(s => s.Node));
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Outcome}: followed {(done.Length > 0 ? done : "none")}; {report.DurationSeconds:0.000} s in all."));
            OperationOutput.ShowError(report);
            return ExitCodes.Of(report);
        });
        return command;
    }

    private static Command Rehearse()
    {
        var names = new Argument<string[]>("name") { Description = "The daemons; all when none is named.", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("rehearse", "Starts the daemons' programs to see whether they could take over; the daemons go on.") { names };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var rehearsals = new List<DaemonRehearsal>();
            foreach (var daemon in (await FindAsync(cluster, parsed.GetValue(names), cancellationToken)).Where(d => d.State == DaemonState.Running))
            {
                rehearsals.Add(await cluster.RehearseDaemonAsync(daemon, cancellationToken));
            }

            if (parsed.GetValue(ConfigurationOptions.Json))
            {
                Output.Json(rehearsals);
            }
            else
            {
                Output.Table(
                    ["Name", "Machine", "Succeeded", "Version", "NewVersion", "Detail"],
                    rehearsals.Select(r => (string[])[r.Name, r.Machine, r.Succeeded ? "yes" : "no", r.Version, r.NewVersion, r.Detail]));
            }

            return rehearsals.All(r => r.Succeeded) ? ExitCodes.Done : ExitCodes.Refused;
        });
        return command;
    }

    private static Command Stop()
    {
        var name = new Argument<string>("name") { Description = "The daemon." };
        var drain = DrainTimeout("Accept nobody any more, and let what is open go on for so many seconds first.");
        var command = new Command("stop", "Ends a daemon in an orderly way.") { name, drain };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            foreach (var daemon in (await FindAsync(cluster, [parsed.GetRequiredValue(name)], cancellationToken)).Where(d => d.State == DaemonState.Running))
            {
                await cluster.StopDaemonAsync(daemon, parsed.GetValue(drain) is { } seconds ? TimeSpan.FromSeconds(seconds) : null, cancellationToken);
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static Option<double?> DrainTimeout(string help) => new("--drain-timeout") { Description = help };

    private static async Task<IReadOnlyList<ClusterDaemon>> FindAsync(ClusterConnection cluster, string[]? names, CancellationToken cancellationToken)
    {
        var (daemons, silent) = await cluster.GetDaemonsAsync(cancellationToken);
        foreach (var error in silent)
        {
            Console.Error.WriteLine($"pgcluster: what runs there is not known: {error.Message}");
        }

        if (names is not { Length: > 0 })
        {
            return daemons;
        }

        return names.FirstOrDefault(name => daemons.All(d => d.Name != name)) is { } unknown
            ? throw new PgClusterException(Reason.InvalidArgument, $"no daemon is named {unknown}; there are {string.Join(", ", daemons.Select(d => d.Name).Distinct())}") { Target = unknown }
            : [.. daemons.Where(d => names.Contains(d.Name))];
    }
}
