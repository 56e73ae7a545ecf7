using System.CommandLine;
using System.Globalization;
using PgCluster.Client;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster switchover</c>: moves an application to another database.</summary>
internal static class SwitchoverCommand
{
    private static readonly Option<string> _source = new("--source") { Description = "libpq URI of the database the application came from.", Required = true, Recursive = true };
    private static readonly Option<string> _target = new("--target") { Description = "libpq URI of the database it goes to.", Required = true, Recursive = true };
    private static readonly Option<double?> _helloWindow = Seconds("--hello-window", "How long nodes of the application may take to answer.");
    private static readonly Option<double?> _lockTimeout = Seconds("--lock-timeout", "How long to wait for writers when they are stopped.");
    private static readonly Option<double?> _leaderTimeout = Seconds("--leader-timeout", "After this time without a word from a run its nodes call it off.");

    public static Command Create() => new("switchover", "Moves an application from one database to another, and back.")
    {
        _source, _target, _helloWindow, _lockTimeout, _leaderTimeout,
        Define(), Start(), Status(), Stop(), Reset(), Complete(), Log(),
    };

    private static Option<double?> Seconds(string name, string description) => new(name) { Description = $"{description} In seconds.", Recursive = true };

    private static SwitchoverConnection Open(ParseResult parsed)
    {
        var limits = new SwitchoverLimits();
        limits = limits with
        {
            HelloWindow = Given(_helloWindow, limits.HelloWindow),
            LockTimeout = Given(_lockTimeout, limits.LockTimeout),
            LeaderTimeout = Given(_leaderTimeout, limits.LeaderTimeout),
        };
        return SwitchoverConnection.Open(parsed.GetValue(_source)!, parsed.GetValue(_target)!, limits);

        TimeSpan Given(Option<double?> option, TimeSpan otherwise) => parsed.GetValue(option) is { } seconds ? TimeSpan.FromSeconds(seconds) : otherwise;
    }

    private static Command Define()
    {
        var engine = new Option<SwitchoverEngine>("--engine") { Description = "How rows are carried." };
        var stop = new Option<SwitchoverStop>("--stop") { Description = "How clients are held back." };
        var schemas = new Option<string[]>("--schema") { Description = "Only these schemas; else all.", DefaultValueFactory = _ => [] };
        var excluded = new Option<string[]>("--exclude-table") { Description = "Tables to leave out, as schema.table with * and ?.", DefaultValueFactory = _ => [] };
        var copySchema = new Option<bool>("--copy-schema") { Description = "Bring the schema over with pg_dump." };
        var truncate = new Option<bool>("--truncate-target") { Description = "Empty tables of the target that hold rows." };
        var verify = new Option<SwitchoverVerify>("--verify") { Description = "What is compared before the flip.", DefaultValueFactory = _ => SwitchoverVerify.Sample };
        var jobs = new Option<int>("--jobs") { Description = "Tables copied at the same time.", DefaultValueFactory = _ => 2 };
        var noWayBack = new Option<bool>("--no-way-back") { Description = "Let the old database not follow the new one." };
        var command = new Command("define", "Prepares both databases and remembers what is to be moved.")
        {
            engine, stop, schemas, excluded, copySchema, truncate, verify, jobs, noWayBack,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var switchover = Open(parsed);
            Show(
                await switchover.DefineAsync(
                    new SwitchoverOptions
                    {
                        SourceUri = parsed.GetValue(_source)!,
                        TargetUri = parsed.GetValue(_target)!,
                        Engine = parsed.GetValue(engine),
                        Stop = parsed.GetValue(stop),
                        Schemas = parsed.GetValue(schemas)!,
                        ExcludedTables = parsed.GetValue(excluded)!,
                        CopySchema = parsed.GetValue(copySchema),
                        TruncateTarget = parsed.GetValue(truncate),
                        Verify = parsed.GetValue(verify),
                        Jobs = parsed.GetValue(jobs),
                        WayBack = !parsed.GetValue(noWayBack),
                    },
                    cancellationToken),
                parsed);
            return ExitCodes.Done;
        });
        return command;
    }

    private static Command Start()
    {
        var rollback = new Option<bool>("--rollback") { Description = "Take the way back." };
        var reason = new Option<string>("--reason") { Description = "Why, for the history.", DefaultValueFactory = _ => "" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print checks and plan; change nothing." };
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask." };
        var command = new Command("start", "Moves the application, or goes on with a run that was interrupted.") { rollback, reason, dryRun, yes };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var switchover = Open(parsed);
            var json = parsed.GetValue(ConfigurationOptions.Json);
            var plan = await switchover.PlanAsync(null, parsed.GetValue(rollback), cancellationToken);
            var refusal = SwitchoverConnection.RefusalOf(plan);
            if (parsed.GetValue(dryRun))
            {
                OperationOutput.ShowPlan(plan, json);
                return refusal is null ? ExitCodes.Done : ExitCodes.Refused;
            }

            if (refusal is null && !parsed.GetValue(yes) && !OperationOutput.Confirmed($"Move the application from {plan.From} to {plan.To}?"))
            {
                return ExitCodes.Cancelled;
            }

            await using var cluster = SwitchoverConnection.NeedsCluster(plan) ? ConfigurationOptions.Open(parsed) : null;
            var report = await switchover.RunAsync(
                plan, cluster, parsed.GetValue(reason)!, Caller.Name, new StepPrinter(json), progress: null, cancellationToken);
            if (json)
            {
                Output.Json(new { Report = report });
            }
            else
            {
                OperationOutput.ShowSteps(report);
                Console.Out.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{report.Outcome}: {report.NewPrimary} is in charge; {report.DurationSeconds:0.000} s in all, writes stood still for {report.PausedSeconds ?? 0:0.000} s."));
                OperationOutput.ShowError(report);
            }

            return ExitCodes.Of(report);
        });
        return command;
    }

    private static Command Status() => Simple("status", "Shows where it stands.", (switchover, cancellationToken) => switchover.GetStatusAsync(cancellationToken));

    private static Command Complete() => Simple(
        "complete", "Ends the way back: the old database is left as it is.", (switchover, cancellationToken) => switchover.CompleteAsync(cancellationToken));

    private static Command Reset() => Simple("reset", "Removes what an interrupted run left behind.", async (switchover, cancellationToken) =>
    {
        await switchover.ResetAsync(cancellationToken);
        return await switchover.GetStatusAsync(cancellationToken);
    });

    private static Command Stop()
    {
        var reason = new Option<string>("--reason") { Description = "Why, for the log.", DefaultValueFactory = _ => $"stopped by {Caller.Name}" };
        var command = new Command("stop", "Calls off a run; the database in charge stays in charge.") { reason };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var switchover = Open(parsed);
            await switchover.StopAsync(parsed.GetValue(reason)!, cancellationToken);
            return ExitCodes.Done;
        });
        return command;
    }

    private static Command Log()
    {
        var command = new Command("log", "Prints what the nodes told each other.");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var switchover = Open(parsed);
            var log = await switchover.ReadLogAsync(after: 0, cancellationToken);
            if (parsed.GetValue(ConfigurationOptions.Json))
            {
                Output.Json(log);
            }
            else
            {
                Output.Table(["Id", "Time", "Type", "Node", "Detail"], log.Select(e => (string[])
                    [e.Id.ToString(CultureInfo.InvariantCulture), e.At.ToString("u", CultureInfo.InvariantCulture), e.Type, e.Node?.ToString() ?? "", e.Data]));
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static Command Simple(string name, string description, Func<SwitchoverConnection, CancellationToken, Task<SwitchoverStatus>> action)
    {
        var command = new Command(name, description);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var switchover = Open(parsed);
            Show(await action(switchover, cancellationToken), parsed);
            return ExitCodes.Done;
        });
        return command;
    }

    private static void Show(SwitchoverStatus status, ParseResult parsed)
    {
        if (parsed.GetValue(ConfigurationOptions.Json))
        {
            Output.Json(status);
            return;
        }

        Output.Table(["", "Detail"],
        [
            ["In charge", status.InCharge],
            ["State", status.State.ToString()],
            ["Source", $"{status.SourceUri} (PostgreSQL {status.SourceVersion}, {status.SourcePointer})"],
            ["Target", $"{status.TargetUri} (PostgreSQL {status.TargetVersion}, {status.TargetPointer})"],
            ["Engine", status.Engine.ToString()],
            ["Way back", status.WayBack ? "open" : "none"],
            ["Lag", status.Lag?.ToString(CultureInfo.InvariantCulture) ?? ""],
            ["Nodes", status.Nodes.Count.ToString(CultureInfo.InvariantCulture)],
            ["Status", status.LastStatus],
            ["Error", status.LastError],
        ]);
    }
}
