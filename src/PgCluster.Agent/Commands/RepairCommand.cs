using System.CommandLine;
using System.Globalization;
using PgCluster.Client;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster repair</c>.</summary>
internal static class RepairCommand
{
    public static Command Create()
    {
        var node = new Argument<string>("node") { Description = "The node to bring back." };
        var method = new Option<RepairMethod>("--method") { Description = "How; by default the least that helps." };
        var keep = new Option<bool>("--keep-copy") { Description = "Keep what is discarded beside the data directory." };
        var reason = new Option<string>("--reason") { Description = "Why, for the history.", DefaultValueFactory = _ => "" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print what it would take; change nothing." };
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask." };
        var command = new Command("repair", "Brings a node back as a standby of the leader.") { node, method, keep, reason, dryRun, yes };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var json = parsed.GetValue(ConfigurationOptions.Json);
            var request = new RepairRequest
            {
                Node = parsed.GetRequiredValue(node),
                Method = parsed.GetValue(method),
                KeepCopy = parsed.GetValue(keep),
                Why = parsed.GetValue(reason)!,
                Actor = Caller.Name,
            };
            var plan = await cluster.PlanRepairAsync(request, cancellationToken);
            if (parsed.GetValue(dryRun) || (!plan.Needed && plan.Operation.Steps.Count == 0))
            {
                Show(plan, json);
                return ClusterConnection.RefusalOf(plan.Operation) is null ? ExitCodes.Done : ExitCodes.Refused;
            }

            if (ClusterConnection.RefusalOf(plan.Operation) is null && plan.Discards && !parsed.GetValue(yes) && !OperationOutput.Confirmed(Summary(plan) + ". Go on?"))
            {
                return ExitCodes.Cancelled;
            }

            var report = await cluster.RunRepairAsync(plan, request, new StepPrinter(json), cancellationToken);
            if (json)
            {
                Output.Json(report);
                return ExitCodes.Of(report);
            }

            OperationOutput.ShowSteps(report);
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Outcome}: {Summary(plan)}; {report.DurationSeconds:0.000} s."));
            OperationOutput.ShowError(report);
            return ExitCodes.Of(report);
        });
        return command;
    }

    private static void Show(RepairPlan plan, bool json)
    {
        if (json)
        {
            Output.Json(plan);
            return;
        }

        OperationOutput.ShowPlan(plan.Operation, json);
        Console.Out.WriteLine();
        Console.Out.WriteLine(plan.Method is null ? $"{plan.Name}: {plan.Why}" : Summary(plan));
        if (plan.Method is not null)
        {
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"fork {plan.ForkLsn ?? "none"}, timeline {plan.Timeline} and {plan.UpstreamTimeline} of {plan.Upstream}, a copy is {plan.CopyBytes?.ToString(CultureInfo.InvariantCulture) ?? "an unknown number of"} bytes"));
        }
    }

    private static string Summary(RepairPlan plan)
    {
        var bytes = plan.DiscardedBytes?.ToString(CultureInfo.InvariantCulture) ?? "an unknown number of";
        var range = plan.DiscardedFrom is null ? "" : $" ({plan.DiscardedFrom} to {plan.DiscardedTo})";
        return $"{plan.Method} {plan.Name} behind {plan.Upstream}, because {plan.Why}; {bytes} bytes of its WAL are {(plan.KeepCopy ? "put aside" : "discarded")}{range}";
    }
}
