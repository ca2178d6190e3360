-- (name, chosen): whether a filter leaves the name; `chosen` are names as shown_name writes them, or (all).
list_contains(chosen, '(all)')
or if(
    nullif(name, '') is null,
    list_contains(chosen, '(none)'),
    list_contains(
        list_transform(
            chosen,
            lambda one: if(
                regexp_full_match(one, '''?(All|all others|\(all\)|\(none\))''?( \(name\))+'),
                one[:-8],
                regexp_replace(one, '\$( *) __', '$\1__', 'g')
            )
        ),
        name
    )
)
