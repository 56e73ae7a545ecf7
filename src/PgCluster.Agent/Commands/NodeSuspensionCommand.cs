using System.CommandLine;
using System.Globalization;
using PgCluster.Client;
using PgCluster.Engine.Configuration;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster nodes suspend</c>, <c>pgcluster nodes handover</c> and <c>pgcluster nodes resume</c>.</summary>
internal static class NodeSuspensionCommand
{
    public static Command Create()
    {
        var node = new Argument<string>("node") { Description = "The node to take out of service." };
        var why = new Option<string>("--why") { Description = "Why; others are told.", Required = true };
        var length = new Option<string?>("--for") { Description = "For how long, for example 30m; it ends by itself then. Without it only resume ends it." };
        var drain = new Option<bool>("--drain") { Description = "Move the primary away from it, and wait until no client session is left on it." };
        var drainTimeout = new Option<string>("--drain-timeout") { Description = "How long to wait for the sessions.", DefaultValueFactory = _ => "1m" };
        var force = new Option<bool>("--force") { Description = "Go on although commits will wait for fewer standbys than the policy asks for." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print checks and plan; change nothing." };
        var command = new Command("suspend", "Takes a node out of service: never promoted, not read from, no commit waits for it.") { node, why, length, drain, drainTimeout, force, dryRun };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var json = parsed.GetValue(ConfigurationOptions.Json);
            var request = new NodeSuspensionRequest
            {
                Node = parsed.GetRequiredValue(node),
                Length = parsed.GetValue(length) is { } text ? Time("--for", text) : null,
                Drain = parsed.GetValue(drain),
                DrainTimeout = Time("--drain-timeout", parsed.GetValue(drainTimeout)!),
                Force = parsed.GetValue(force),
                Why = parsed.GetRequiredValue(why),
                Actor = Caller.Name,
            };
            var plan = await cluster.PlanNodeSuspensionAsync(request, cancellationToken);
            if (parsed.GetValue(dryRun))
            {
                OperationOutput.ShowPlan(plan, json);
                return ClusterConnection.RefusalOf(plan) is null ? ExitCodes.Done : ExitCodes.Refused;
            }

            var (report, suspension) = await cluster.RunNodeSuspensionAsync(plan, request, new StepPrinter(json), cancellationToken);
            if (json)
            {
                Output.Json(suspension is null ? report : (object)suspension);
                return ExitCodes.Of(report);
            }

            OperationOutput.ShowSteps(report);
            Console.Out.WriteLine(suspension is null ? $"{request.Node} was not taken out of service" : $"{request.Node} is {suspension}");
            OperationOutput.ShowError(report);
            return ExitCodes.Of(report);
        });
        return command;
    }

    public static Command CreateHandover()
    {
        var node = new Argument<string>("node") { Description = "The node that hands over." };
        var why = new Option<string>("--why") { Description = "Why; others are told.", DefaultValueFactory = _ => "handover" };
        var timeout = new Option<string>("--timeout") { Description = "How long all of it may take.", DefaultValueFactory = _ => "1m" };
        var force = new Option<bool>("--force") { Description = "Go on although commits will wait for fewer standbys than the policy asks for." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print checks and plan; change nothing." };
        var command = new Command("handover", "Gives a node's role to the best other one, the primary's too, so that it can be stopped.") { node, why, timeout, force, dryRun };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var json = parsed.GetValue(ConfigurationOptions.Json);
            var request = new NodeSuspensionRequest
            {
                Node = parsed.GetRequiredValue(node),
                HandsOver = true,
                Limit = Time("--timeout", parsed.GetValue(timeout)!),
                Force = parsed.GetValue(force),
                Why = parsed.GetValue(why)!,
                Actor = Caller.Name,
            };
            var plan = await cluster.PlanNodeSuspensionAsync(request, cancellationToken);
            var refusal = ClusterConnection.RefusalOf(plan);
            if (parsed.GetValue(dryRun) || (refusal is null && plan.Steps.Count == 0))
            {
                OperationOutput.ShowPlan(plan, json);
                return refusal is null ? ExitCodes.Done : ExitCodes.Refused;
            }

            var (report, _) = await cluster.RunNodeSuspensionAsync(plan, request, new StepPrinter(json), cancellationToken);
            if (json)
            {
                Output.Json(report);
                return ExitCodes.Of(report);
            }

            OperationOutput.ShowSteps(report);
            Console.Out.WriteLine($"{request.Node} {(report.Outcome == OperationOutcome.Succeeded ? "has handed over" : "has not handed over")}");
            OperationOutput.ShowError(report);
            return ExitCodes.Of(report);
        });
        return command;
    }

    public static Command CreateResume()
    {
        var node = new Argument<string>("node") { Description = "The node to put back." };
        var command = new Command("resume", "Puts a node back into service.") { node };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var name = parsed.GetRequiredValue(node);
            if (await cluster.ResumeNodeAsync(name, Caller.Name, cancellationToken) is { } ended)
            {
                if (parsed.GetValue(ConfigurationOptions.Json))
                {
                    Output.Json(ended);
                }
                else
                {
                    Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name} is in service again; it was {ended}"));
                }
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static TimeSpan Time(string option, string text) => DurationText.TryParse(text) ?? throw new PgClusterException(
        Reason.InvalidArgument, $"{option} is '{text}'; expected a time such as 30s, 30m or 2h");
}
