using System.CommandLine;
using PgCluster.Client;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster node set</c>.</summary>
internal static class NodeSetCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("name") { Description = "The node's name." };
        var domain = new Option<string?>("--failure-domain") { Description = "Rack, zone or site; \"\" for none." };
        var weight = new Option<int?>("--weight") { Description = "Preference among equals; higher is taken first." };
        var noFailover = new Option<bool?>("--no-failover") { Description = "true: the node must never be promoted; false: it may." };
        var reason = new Option<string>("--reason") { Description = "Why, for the history.", DefaultValueFactory = _ => "" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print checks and plan; change nothing." };
        var command = new Command("set", "Changes failure domain, weight or no_failover of a node, for the whole cluster.") { name, domain, weight, noFailover, reason, dryRun };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var request = new SetNodeRequest
            {
                Name = parsed.GetRequiredValue(name),
                FailureDomain = parsed.GetValue(domain),
                Weight = parsed.GetValue(weight),
                NoFailover = parsed.GetValue(noFailover),
                Why = parsed.GetRequiredValue(reason),
                Actor = Caller.Name,
            };
            var json = parsed.GetValue(ConfigurationOptions.Json);
            var plan = await cluster.PlanSetNodeAsync(request, cancellationToken);
            if (parsed.GetValue(dryRun))
            {
                return NodeCommand.ShowPlan(plan, json);
            }

            if (ClusterConnection.RefusalOf(plan) is null && plan.Steps.Count == 0)
            {
                Console.Error.WriteLine($"{request.Name} is so already: nothing was changed");
                return ExitCodes.Done;
            }

            foreach (var warning in plan.Checks.Where(c => c.Status == CheckStatus.Warning))
            {
                Console.Error.WriteLine($"warning: {warning.Evidence} -- {warning.Remedy}");
            }

            return NodeCommand.ShowReport(await cluster.RunSetNodeAsync(plan, request, new StepPrinter(json), cancellationToken), json);
        });
        return command;
    }
}
