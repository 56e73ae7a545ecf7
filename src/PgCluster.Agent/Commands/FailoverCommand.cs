using System.CommandLine;
using System.Globalization;
using PgCluster.Client;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster failover</c>.</summary>
internal static class FailoverCommand
{
    public static Command Create()
    {
        var target = new Option<string?>("--target") { Description = "The node to promote; else the best candidate." };
        var force = new Option<bool>("--force") { Description = "Go on although the primary is gone, or a node that takes no part does not answer." };
        var allowLoss = new Option<bool>("--allow-data-loss") { Description = "Go on although nobody can vouch for every acknowledged commit." };
        var policy = new Option<BlockerPolicy>("--blocker-policy") { Description = "What to do with transactions that keep a pooler from pausing." };
        var reason = new Option<string>("--reason") { Description = "Why, for the history.", DefaultValueFactory = _ => "" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print checks, candidates and plan; change nothing." };
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask." };
        var measure = new Option<int>("--measure") { Description = "Run this many writers meanwhile and report the gap they saw." };
        var uri = new Option<string?>("--uri") { Description = "libpq URI the writers use; else the first application pooler of the configuration." };
        var command = new Command("failover", "Moves the primary role to another node.") { target, force, allowLoss, policy, reason, dryRun, yes, measure, uri };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var json = parsed.GetValue(ConfigurationOptions.Json);
            var request = new FailoverRequest
            {
                Target = parsed.GetValue(target),
                Force = parsed.GetValue(force),
                AllowDataLoss = parsed.GetValue(allowLoss),
                BlockerPolicy = parsed.GetValue(policy),
                Why = parsed.GetValue(reason)!,
                Actor = Caller.Name,
            };
            var plan = await cluster.PlanFailoverAsync(request, cancellationToken);
            if (parsed.GetValue(dryRun))
            {
                ShowPlan(plan, json);
                return ClusterConnection.RefusalOf(plan) is null ? ExitCodes.Done : ExitCodes.Refused;
            }

            if (ClusterConnection.RefusalOf(plan) is null && !parsed.GetValue(yes) && !Confirmed(plan))
            {
                return ExitCodes.Cancelled;
            }

            OperationReport? report = null;
            WriteGapReport? gap = null;
            var writers = parsed.GetValue(measure);
            if (writers > 0 && ClusterConnection.RefusalOf(plan) is null)
            {
                await using var meter = await WriteGapMeter.StartAsync(
                    new WriteGapOptions { Uri = parsed.GetValue(uri) ?? cluster.ClientUri, Writers = writers }, cancellationToken);
                report = await cluster.RunFailoverAsync(plan, request, new StepPrinter(json), cancellationToken);
                gap = await meter.StopAsync(CancellationToken.None);
                report = report with { WriteGapSeconds = gap.WriteGapMs / 1000 };
            }
            else
            {
                report = await cluster.RunFailoverAsync(plan, request, new StepPrinter(json), cancellationToken);
            }

            ShowReport(report, gap, json);
            return report.Outcome switch
            {
                OperationOutcome.Succeeded => ExitCodes.Done,
                OperationOutcome.NeedsOperator => ExitCodes.NeedsOperator,
                _ when report.ErrorReason == Reason.Cancelled => ExitCodes.Cancelled,
                _ => ExitCodes.Failed,
            };
        });
        return command;
    }

    private static bool Confirmed(OperationPlan plan)
    {
        if (Console.IsInputRedirected)
        {
            throw new PgClusterException(Reason.InvalidArgument, "there is nobody to ask: give --yes to move the primary without a question");
        }

        Console.Error.Write($"Move the primary of {plan.Cluster} from {plan.From ?? "nobody"} to {plan.To}? [y/N] ");
        return Console.In.ReadLine()?.Trim() is "y" or "Y" or "yes";
    }

    private static void ShowPlan(OperationPlan plan, bool json)
    {
        if (json)
        {
            Output.Json(plan);
            return;
        }

        Output.Table(["Check", "Status", "Detail"], plan.Checks.Select(c => (string[])[c.Name, c.Status.ToString(), c.Remedy.Length > 0 ? $"{c.Evidence} -- {c.Remedy}" : c.Evidence]));
        Console.Out.WriteLine();
        Output.Table(["Node", "Rank", "Detail"], plan.Candidates.Select(c => (string[])
            [c.Node, c.Eligible ? c.Rank.ToString(CultureInfo.InvariantCulture) : "no", string.Join("; ", c.Reasons)]));
        Console.Out.WriteLine();
        Output.Table(["#", "Step", "Node", "Budget", "Detail"], plan.Steps.Select(s => (string[])
        [
            s.Number.ToString(CultureInfo.InvariantCulture), s.Name, s.Node, string.Create(CultureInfo.InvariantCulture, $"{s.BudgetSeconds:0.#} s"),
            s.Description + (s.Undo.Length > 0 ? $" (undo: {s.Undo})" : "") + (s.PointOfNoReturn ? " -- point of no return" : ""),
        ]));
    }

    private static void ShowReport(OperationReport report, WriteGapReport? gap, bool json)
    {
        if (json)
        {
            Output.Json(gap is null ? new { Report = report } : (object)new { Report = report, WriteGap = gap });
            return;
        }

        Output.Table(["Step", "Phase", "At", "Took", "Node", "Detail"], report.Steps.Select(s => (string[])
        [
            s.Name, s.Phase.ToString(), Milliseconds(s.StartedSeconds), Milliseconds(s.ElapsedSeconds), s.Node, (s.Succeeded ? "" : "FAILED: ") + s.Detail,
        ]));
        Console.Out.WriteLine();
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Outcome}: the primary is {report.NewPrimary}, it was {report.OldPrimary}; {report.DurationSeconds:0.000} s in all, clients were paused for {report.PausedSeconds ?? 0:0.000} s."));
        if (report.Error is not null)
        {
            Console.Out.WriteLine($"{report.ErrorReason}: {report.Error}");
        }

        if (gap is not null)
        {
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{gap.Writers} writers, {gap.Commits} commits: write gap {gap.WriteGapMs:0} ms, {gap.ClientErrors} client errors, {gap.Reconnects} reconnects, {gap.LostCommits} lost, {gap.DoubledCommits} doubled."));
        }
    }

    private static string Milliseconds(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:0.0} ms");

    /// <summary>Says on standard error which step begins: with --json one line each, which a supervisor can follow.</summary>
    private sealed class StepPrinter(bool json) : IOperationObserver
    {
        public void StepStarting(PlanStep step, StepPhase phase) =>
            Console.Error.WriteLine(json ? $"step {step.Name} {phase}" : $"{(phase == StepPhase.Run ? "" : $"{phase} ".ToLowerInvariant())}{step.Name}: {step.Description}");

        public void StepFinished(StepReport step)
        {
        }
    }
}
