using System.Management.Automation;

namespace PgCluster.Cmdlets;

/// <summary>How one cause of failure shows in PowerShell.</summary>
/// <param name="Id">First part of the FullyQualifiedErrorId; stable, scripts compare it.</param>
/// <param name="Category">PowerShell's category.</param>
/// <param name="RecommendedAction">What to do about it.</param>
public sealed record ErrorEntry(string Id, ErrorCategory Category, string RecommendedAction);
