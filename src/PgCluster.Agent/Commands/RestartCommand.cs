using System.CommandLine;
using System.Globalization;
using PgCluster.Client;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster restart</c>.</summary>
internal static class RestartCommand
{
    public static Command Create()
    {
        var nodes = new Argument<string[]>("node") { Description = "The nodes; all when none is named.", Arity = ArgumentArity.ZeroOrMore };
        var pending = new Option<bool>("--pending") { Description = "Only those with settings that wait for a restart." };
        var reason = new Option<string>("--reason") { Description = "Why, for the history.", DefaultValueFactory = _ => "" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print checks, order and plan; change nothing." };
        var command = new Command("restart", "Restarts PostgreSQL on nodes, one after the other, the primary last and in place.") { nodes, pending, reason, dryRun };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var json = parsed.GetValue(ConfigurationOptions.Json);
            var request = new RestartRequest
            {
                Nodes = parsed.GetValue(nodes) is { Length: > 0 } names ? names : null,
                PendingOnly = parsed.GetValue(pending),
                Why = parsed.GetValue(reason)!,
                Actor = Caller.Name,
            };
            var plan = await cluster.PlanRestartAsync(request, cancellationToken);
            var refusal = ClusterConnection.RefusalOf(plan);
            if (parsed.GetValue(dryRun) || (refusal is null && plan.Steps.Count == 0))
            {
                OperationOutput.ShowPlan(plan, json);
                return refusal is null ? ExitCodes.Done : ExitCodes.Refused;
            }

            var report = await cluster.RunRestartAsync(plan, request, new StepPrinter(json), cancellationToken);
            if (json)
            {
                Output.Json(report);
                return ExitCodes.Of(report);
            }

            OperationOutput.ShowSteps(report);
            var done = string.Join(", ", report.Steps.Where(s => s is { Name: "restart", Phase: StepPhase.Run, Succeeded: true }).Select(s => s.Node));
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{report.Outcome}: restarted {(done.Length > 0 ? done : "none")}; {report.DurationSeconds:0.000} s in all, clients were paused for {report.PausedSeconds ?? 0:0.000} s."));
            OperationOutput.ShowError(report);
            return ExitCodes.Of(report);
        });
        return command;
    }
}
