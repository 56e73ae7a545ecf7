using System.CommandLine;
using System.Globalization;
using PgCluster.Client;
using PgCluster.Engine.Configuration;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster node add</c>, <c>remove</c>, <c>set</c> and <c>wait</c>.</summary>
internal static class NodeCommand
{
    public static Command Create() => new("node", "Changes the cluster's nodes, and waits for them.") { CreateAdd(), CreateRemove(), NodeSetCommand.Create(), NodeWaitCommand.Create() };

    private static Command CreateAdd()
    {
        var name = new Argument<string>("name") { Description = "The node's name." };
        var host = new Option<string>("--host") { Description = "Host of its PostgreSQL, as the other nodes and the poolers reach it.", Required = true };
        var port = new Option<int>("--port") { Description = "Port of its PostgreSQL.", DefaultValueFactory = _ => 5432 };
        var data = new Option<string>("--data-directory") { Description = "PostgreSQL's data directory there: missing or empty, or of this very cluster.", Required = true };
        var agent = new Option<string?>("--agent") { Description = "Where its agent serves the agent API, host:port; else port 8432 of its host." };
        var http = new Option<string?>("--http") { Description = "Where its agent serves health and metrics, host:port; else port 8433 of its host." };
        var log = new Option<string>("--log-file") { Description = "File that takes the server's output.", DefaultValueFactory = _ => "" };
        var domain = new Option<string>("--failure-domain") { Description = "Rack, zone or site.", DefaultValueFactory = _ => "" };
        var weight = new Option<int>("--weight") { Description = "Preference among equals." };
        var noFailover = new Option<bool>("--no-failover") { Description = "The node must never be promoted." };
        var noWait = new Option<bool>("--no-wait") { Description = "Return before it streams." };
        var timeout = new Option<string>("--timeout") { Description = "How long it may take until it streams.", DefaultValueFactory = _ => "1h" };
        var reason = new Option<string>("--reason") { Description = "Why, for the history.", DefaultValueFactory = _ => "" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print checks and plan; change nothing." };
        var command = new Command("add", "Makes a host a standby of the cluster; its agent makes the copy by itself.")
        {
            name, host, port, data, agent, http, log, domain, weight, noFailover, noWait, timeout, reason, dryRun,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var at = parsed.GetRequiredValue(host);
            var text = parsed.GetRequiredValue(timeout);
            var request = new AddNodeRequest
            {
                Name = parsed.GetRequiredValue(name),
                Host = at,
                Port = parsed.GetValue(port),
                DataDirectory = parsed.GetRequiredValue(data),
                Agent = parsed.GetValue(agent) ?? new HostPort(at, NodeConfig.UsualAgentPort).ToString(),
                Http = parsed.GetValue(http) ?? new HostPort(at, NodeConfig.UsualHttpPort).ToString(),
                LogFile = parsed.GetRequiredValue(log),
                FailureDomain = parsed.GetRequiredValue(domain),
                Weight = parsed.GetValue(weight),
                NoFailover = parsed.GetValue(noFailover),
                Wait = !parsed.GetValue(noWait),
                Timeout = DurationText.TryParse(text) ?? throw new PgClusterException(Reason.InvalidArgument, $"--timeout is '{text}'; expected a time such as 30m or 2h"),
                Why = parsed.GetRequiredValue(reason),
                Actor = Caller.Name,
            };
            var json = parsed.GetValue(ConfigurationOptions.Json);
            var plan = await cluster.PlanAddNodeAsync(request, cancellationToken);
            return parsed.GetValue(dryRun)
                ? ShowPlan(plan, json)
                : ShowReport(await cluster.RunAddNodeAsync(plan, request, new StepPrinter(json), cancellationToken), json);
        });
        return command;
    }

    private static Command CreateRemove()
    {
        var name = new Argument<string>("name") { Description = "The node's name." };
        var stop = new Option<bool>("--stop-server") { Description = "Let its agent stop its server; else it goes on as it is." };
        var reason = new Option<string>("--reason") { Description = "Why, for the history.", DefaultValueFactory = _ => "" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print checks and plan; change nothing." };
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask." };
        var command = new Command("remove", "Takes a standby out of the cluster.") { name, stop, reason, dryRun, yes };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var request = new RemoveNodeRequest
            {
                Name = parsed.GetRequiredValue(name),
                StopServer = parsed.GetValue(stop),
                Why = parsed.GetRequiredValue(reason),
                Actor = Caller.Name,
            };
            var json = parsed.GetValue(ConfigurationOptions.Json);
            var plan = await cluster.PlanRemoveNodeAsync(request, cancellationToken);
            if (parsed.GetValue(dryRun))
            {
                return ShowPlan(plan, json);
            }

            return ClusterConnection.RefusalOf(plan) is null && !parsed.GetValue(yes) && !OperationOutput.Confirmed($"Remove {request.Name} from {plan.Cluster}?")
                ? ExitCodes.Cancelled
                : ShowReport(await cluster.RunRemoveNodeAsync(plan, request, new StepPrinter(json), cancellationToken), json);
        });
        return command;
    }

    internal static int ShowPlan(OperationPlan plan, bool json)
    {
        OperationOutput.ShowPlan(plan, json);
        return ClusterConnection.RefusalOf(plan) is null ? ExitCodes.Done : ExitCodes.Refused;
    }

    internal static int ShowReport(OperationReport report, bool json)
    {
        if (json)
        {
            Output.Json(report);
        }
        else
        {
            OperationOutput.ShowSteps(report);
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Outcome} in {report.DurationSeconds:0.000} s."));
            OperationOutput.ShowError(report);
        }

        return ExitCodes.Of(report);
    }
}
