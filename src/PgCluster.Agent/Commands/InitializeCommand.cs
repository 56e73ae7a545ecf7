using System.CommandLine;
using PgCluster.Client;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster initialize</c>.</summary>
internal static class InitializeCommand
{
    public static Command Create()
    {
        var reason = new Option<string>("--reason") { Description = "Why, for the history.", DefaultValueFactory = _ => "" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print checks and plan; change nothing." };
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask." };
        var isNew = new Option<bool>("--new") { Description = "Make a new cluster: initdb on one node, copies on the others." };
        var primary = new Option<string>("--primary") { Description = "With --new: the node whose server is made first; else the one of the highest weight.", DefaultValueFactory = _ => "" };
        var locale = new Option<string>("--locale") { Description = "With --new: the locale, as initdb takes it.", DefaultValueFactory = _ => new InitializeRequest().Locale };
        var encoding = new Option<string>("--encoding") { Description = "With --new: the encoding, as initdb takes it.", DefaultValueFactory = _ => new InitializeRequest().Encoding };
        var command = new Command("initialize", "Takes a streaming cluster under management, without a restart of any server; or makes a new one.") { isNew, primary, locale, encoding, reason, dryRun, yes };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var json = parsed.GetValue(ConfigurationOptions.Json);
            var request = new InitializeRequest
            {
                New = parsed.GetValue(isNew),
                Primary = parsed.GetRequiredValue(primary),
                Locale = parsed.GetRequiredValue(locale),
                Encoding = parsed.GetRequiredValue(encoding),
                Why = parsed.GetRequiredValue(reason),
                Actor = Caller.Name,
            };
            var plan = await cluster.PlanInitializeAsync(request, cancellationToken);
            if (parsed.GetValue(dryRun))
            {
                return NodeCommand.ShowPlan(plan, json);
            }

            return ClusterConnection.RefusalOf(plan) is null && !parsed.GetValue(yes) && !OperationOutput.Confirmed(request.New ? $"Make {plan.Cluster} with primary {plan.To}?" : $"Take {plan.Cluster} with primary {plan.To} under management?")
                ? ExitCodes.Cancelled
                : NodeCommand.ShowReport(await cluster.RunInitializeAsync(plan, request, new StepPrinter(json), cancellationToken), json);
        });
        return command;
    }
}
