namespace PgCluster;

/// <summary>One step of a plan.</summary>
/// <param name="Number">Place in the plan, from 1.</param>
/// <param name="Name">Stable name, without blanks.</param>
/// <param name="Description">What it does, to whom.</param>
/// <param name="Node">The node or pooler it touches; several are joined by commas; empty when it is the cluster.</param>
/// <param name="BudgetSeconds">How long it may take.</param>
/// <param name="Undo">What undoes it; empty when nothing has to be.</param>
/// <param name="PointOfNoReturn">True when nothing after this step is undone: the run goes on to the end.</param>
public sealed record PlanStep(
    int Number, string Name, string Description, string Node, double BudgetSeconds, string Undo = "", bool PointOfNoReturn = false);
