using System.Diagnostics.CodeAnalysis;

namespace PgCluster;

/// <summary>
/// Lists that PowerShell can index: <c>$report.Steps[0]</c>. It finds the indexer of an array or a <see cref="List{T}"/>, not that of what the compiler makes of <c>[.. x]</c> for a read-only list: there it gives the
/// whole list for [0] and nothing for [1].
/// </summary>
internal static class Indexable
{
    /// <summary>The same list, as an array where it is neither that nor a <see cref="List{T}"/>.</summary>
    [return: NotNullIfNotNull(nameof(list))]
    public static IReadOnlyList<T>? Of<T>(IReadOnlyList<T>? list) => list is null or T[] or List<T> ? list : list.ToArray();
}
