using System.Globalization;

namespace PgCluster.Agent.Commands;

/// <summary>Plans and reports of operations, as people read them.</summary>
internal static class OperationOutput
{
    /// <summary>Asks; true only for a yes.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: there is nobody to ask.</exception>
    public static bool Confirmed(string question)
    {
        if (Console.IsInputRedirected)
        {
            throw new PgClusterException(Reason.InvalidArgument, "there is nobody to ask: give --yes to go on without a question");
        }

        Console.Error.Write($"{question} [y/N] ");
        return Console.In.ReadLine()?.Trim() is "y" or "Y" or "yes";
    }

    public static void ShowPlan(OperationPlan plan, bool json)
    {
        if (json)
        {
            Output.Json(plan);
            return;
        }

        Output.Table(["Check", "Status", "Detail"], plan.Checks.Select(c => (string[])[c.Name, c.Status.ToString(), c.Remedy.Length > 0 ? $"{c.Evidence} -- {c.Remedy}" : c.Evidence]));
        Console.Out.WriteLine();
        if (plan.Candidates.Count > 0)
        {
            Output.Table(["Node", "Rank", "Detail"], plan.Candidates.Select(c => (string[])
                [c.Node, c.Eligible ? c.Rank.ToString(CultureInfo.InvariantCulture) : "no", string.Join("; ", c.Reasons)]));
            Console.Out.WriteLine();
        }

        Output.Table(["#", "Step", "Node", "Budget", "Detail"], plan.Steps.Select(s => (string[])
        [
            s.Number.ToString(CultureInfo.InvariantCulture), s.Name, s.Node, string.Create(CultureInfo.InvariantCulture, $"{s.BudgetSeconds:0.#} s"),
            s.Description + (s.Undo.Length > 0 ? $" (undo: {s.Undo})" : "") + (s.PointOfNoReturn ? " -- point of no return" : ""),
        ]));
    }

    public static void ShowSteps(OperationReport report)
    {
        Output.Table(["Step", "Phase", "At", "Took", "Node", "Detail"], report.Steps.Select(s => (string[])
        [
            s.Name, s.Phase.ToString(), Milliseconds(s.StartedSeconds), Milliseconds(s.ElapsedSeconds), s.Node, (s.Succeeded ? "" : "FAILED: ") + s.Detail,
        ]));
        Console.Out.WriteLine();
    }

    public static void ShowError(OperationReport report)
    {
        if (report.Error is not null)
        {
            Console.Out.WriteLine($"{report.ErrorReason}: {report.Error}");
        }
    }

    private static string Milliseconds(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:0.0} ms");
}
