using System.CommandLine;
using System.Globalization;
using PgCluster.Client;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster roles</c>: who should vote, stream and be spare, worked out on paper, or carried out by the leader.</summary>
internal static class RolesCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "JSON with the members, or with the nodes as 'pgcluster nodes --json' prints them; - for standard input." };
        var voters = new Option<int>("--voters") { Description = "How many voters there are to be: the primary and its synchronous standbys.", DefaultValueFactory = _ => new RoleRequest().Voters };
        var standBys = new Option<int>("--standbys") { Description = "How many asynchronous standbys there are to be besides.", DefaultValueFactory = _ => new RoleRequest().StandBys };
        var mode = new Option<RoleMode>("--mode") { Description = "A voter that is offline and that nobody can replace stays (Strict) or is dropped (Relaxed)." };
        var handover = new Option<string?>("--handover") { Description = "Show how this node would hand over what it does, so that it can be stopped." };
        var steps = new Option<int>("--max-steps") { Description = "Most changes of the plan.", DefaultValueFactory = _ => new RoleRequest().MaxSteps };
        var plan = new Command("plan", "Shows which members should vote, stream and be spare, and why. Asks nobody and changes nothing.") { file, voters, standBys, mode, handover, steps };
        plan.SetAction(async (parsed, cancellationToken) =>
        {
            var path = parsed.GetValue(file)!;
            var members = path == "-" ? RolePaper.Read(await Console.In.ReadToEndAsync(cancellationToken)) : await RolePaper.ReadFileAsync(path, cancellationToken);
            var request = new RoleRequest
            {
                Voters = parsed.GetValue(voters), StandBys = parsed.GetValue(standBys), Mode = parsed.GetValue(mode), MaxSteps = parsed.GetValue(steps),
            };
            Print(RolePaper.Plan(members, request, parsed.GetValue(handover)), parsed.GetValue(ConfigurationOptions.Json));
            return ExitCodes.Done;
        });
        return new Command("roles", "Looks at the roles of a cluster's members, and adjusts them.") { plan, Adjust() };
    }

    private static Command Adjust()
    {
        var steps = new Option<int>("--max-steps") { Description = "Most changes; 0 for as many as the leader makes by itself in one round." };
        var reason = new Option<string>("--reason") { Description = "Why, for the history.", DefaultValueFactory = _ => "" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the leader's plan; change nothing." };
        var adjust = new Command("adjust", "Has the leader adjust the roles at once, as it does by itself every roles.adjustment_interval.") { steps, reason, dryRun };
        adjust.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var request = new RoleAdjustmentRequest { MaxSteps = parsed.GetValue(steps), PlanOnly = parsed.GetValue(dryRun), Why = parsed.GetValue(reason)!, Actor = Caller.Name };
            Print(await cluster.AdjustRolesAsync(request, cancellationToken), parsed.GetValue(ConfigurationOptions.Json));
            return ExitCodes.Done;
        });
        return adjust;
    }

    private static void Print(RolePlan plan, bool json)
    {
        if (json)
        {
            Output.Json(plan);
            return;
        }

        foreach (var warning in plan.Warnings)
        {
            Console.Error.WriteLine($"warning: {warning}");
        }

        if (plan.Changes.Count == 0)
        {
            Console.Out.WriteLine("nothing is to be done");
        }
        else
        {
            Output.Table(
                ["Step", "Node", "Change", "Why", "Otherwise"],
                plan.Changes.Select(c => (string[])
                [
                    c.Step.ToString(CultureInfo.InvariantCulture), c.Node, c.Kind == RoleChangeKind.MovePrimary ? "becomes the primary" : $"{c.From} -> {c.To}", c.Why, string.Join(' ', c.Otherwise),
                ]));
        }

        Console.Out.WriteLine();
        Output.Table(
            ["Node", "Role", "Online", "Domain", "Weight", "Why"],
            plan.Members.Select(m => (string[])
            [
                m.Node, m.IsPrimary ? "Primary" : m.After.ToString(), m.IsOnline ? "yes" : "no", m.FailureDomain, m.Weight.ToString(CultureInfo.InvariantCulture), m.Why,
            ]));
    }
}
