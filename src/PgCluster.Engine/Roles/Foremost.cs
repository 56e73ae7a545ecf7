namespace PgCluster.Engine.Roles;

/// <summary>The first few of many in one pass: a plan asks for them at every step, and a sort of all members each time would be most of its work.</summary>
internal static class Foremost
{
    /// <summary>The first ones in order.</summary>
    /// <param name="items">All.</param>
    /// <param name="key">What they are ordered by; made once for each.</param>
    /// <param name="compare">The order.</param>
    /// <param name="most">How many, at most.</param>
    public static IReadOnlyList<T> Of<T, TKey>(IEnumerable<T> items, Func<T, TKey> key, Comparison<TKey> compare, int most)
    {
        if (most == int.MaxValue)
        {
            return [.. items.OrderBy(key, Comparer<TKey>.Create(compare))];
        }

        var first = new List<(T Item, TKey Key)>(most + 1);
        foreach (var item in items)
        {
            var own = key(item);
            var place = first.Count;
            while (place > 0 && compare(own, first[place - 1].Key) < 0)
            {
                place--;
            }

            if (place < most)
            {
                first.Insert(place, (item, own));
                if (first.Count > most)
                {
                    first.RemoveAt(most);
                }
            }
        }

        return [.. first.Select(f => f.Item)];
    }
}
