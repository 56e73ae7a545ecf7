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
                OperationOutput.ShowPlan(plan, json);
                return ClusterConnection.RefusalOf(plan) is null ? ExitCodes.Done : ExitCodes.Refused;
            }

            if (ClusterConnection.RefusalOf(plan) is null && !parsed.GetValue(yes) && !OperationOutput.Confirmed($"Move the primary of {plan.Cluster} from {plan.From ?? "nobody"} to {plan.To}?"))
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

            Show(report, gap, json);
            return ExitCodes.Of(report);
        });
        return command;
    }

    private static void Show(OperationReport report, WriteGapReport? gap, bool json)
    {
        if (json)
        {
            Output.Json(gap is null ? new { Report = report } : (object)new { Report = report, WriteGap = gap });
            return;
        }

        OperationOutput.ShowSteps(report);
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Outcome}: the primary is {report.NewPrimary}, it was {report.OldPrimary}; {report.DurationSeconds:0.000} s in all, clients were paused for {report.PausedSeconds ?? 0:0.000} s."));
        OperationOutput.ShowError(report);
        if (gap is not null)
        {
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{gap.Writers} writers, {gap.Commits} commits: write gap {gap.WriteGapMs:0} ms, {gap.ClientErrors} client errors, {gap.Reconnects} reconnects, {gap.LostCommits} lost, {gap.DoubledCommits} doubled."));
        }
    }
}
